//! `cargo xtask tools`: what its verbs do.

use harness_base::{Code, Config, Interrupt, coded, platform};
use harness_provision::tools::clean::clean;
use harness_provision::tools::{cache_dir, folder, install, manifest};

/// What to do with the tools.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Verb {
    /// Install what is missing or damaged: the tools that every run may need, or the named ones
    Install {
        /// Names as `tools list` shows them
        names: Vec<String>,
        /// Optional tools too, which are otherwise fetched where they are used
        #[arg(long, conflicts_with = "names")]
        all: bool,
        /// Fetch nothing: say what is missing, and end with exit code 20
        #[arg(long)]
        offline: bool,
    },
    /// Show each tool, its version, its state and its folder
    List {
        /// Hash every tool in full, not only those whose size or time changed
        #[arg(long)]
        verify: bool,
    },
    /// Remove all tools from the cache; what else lies there stays
    Clean,
}

impl Default for Verb {
    fn default() -> Self {
        Self::List { verify: false }
    }
}

/// Runs `cargo xtask tools`.
///
/// # Errors
/// What cannot be installed, listed or removed.
pub async fn run(config: &Config, verb: Verb) -> anyhow::Result<Code> {
    let cache = cache_dir()?;
    match verb {
        Verb::Install {
            names,
            all,
            offline,
        } => {
            let names = if names.is_empty() {
                usual(config, all)
            } else {
                names
            };
            let config = &config.with_offline(offline);
            let interrupt = Interrupt::install()?;
            tokio::select! {
                installed = install::all(config, &names) => installed?,
                // Dropping the installations ends their pip and removes what is half done.
                () = interrupt.reached(1) => {
                    return Err(coded(Code::Interrupted, "interrupted; the same command goes on where this one stopped"));
                }
            }
        }
        Verb::List { verify } => {
            for (name, tool) in &config.tools {
                let (state, dir) = match folder(config, &cache, name) {
                    Ok(dir) => (
                        manifest::state(&dir, verify).to_string(),
                        dir.display().to_string(),
                    ),
                    Err(error) => ("unavailable".to_owned(), error.to_string()),
                };
                println!("{name:<10} {:<16} {state:<10} {dir}", tool.version);
            }
        }
        Verb::Clean => {
            let cleaned = clean(config, &cache)?;
            match cleaned.removed {
                0 => println!("no tool at {}", cache.display()),
                _ => println!("removed the tools at {}", cache.display()),
            }
            if !cleaned.left.is_empty() {
                println!("left there, no tool of ours: {}", cleaned.left.join(", "));
            }
        }
    }
    Ok(Code::Passed)
}

/// What is installed without names: all tools, without the optional ones unless they are asked for. An optional tool that
/// is not made for this platform is told and left.
fn usual(config: &Config, all: bool) -> Vec<String> {
    let wanted = config
        .tools
        .iter()
        .filter(|(_, tool)| all || !tool.optional);
    wanted
        .filter(|(name, tool)| {
            let made = !tool.optional || tool.archive_for(&platform()).is_some();
            if !made {
                eprintln!("tools: {name} is not pinned for {}", platform());
            }
            made
        })
        .map(|(name, _)| name.clone())
        .collect()
}
