//! `cargo xtask tools`: pinned tools in a per-user cache.

pub mod install;
mod job;
pub mod manifest;
mod pip;
mod progress;
mod source;
mod stage;

use crate::config::{Config, platform};
use crate::exit::{Code, coded};
use crate::signals::Interrupt;
use crate::user_dir::user_dir;
use anyhow::Context;
use manifest::State;
use std::path::{Path, PathBuf};

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
    /// Remove the whole tools cache
    Clean,
}

/// The per-user cache: `E2E_TOOLS_DIR`, else `stigmer-e2e/tools` in `XDG_CACHE_HOME` or `~/.cache`.
///
/// # Errors
/// When neither those nor HOME are set.
pub fn cache_dir() -> anyhow::Result<PathBuf> {
    if let Some(dir) = std::env::var_os("E2E_TOOLS_DIR").filter(|dir| !dir.is_empty()) {
        return Ok(PathBuf::from(dir));
    }
    Ok(user_dir()?.join("tools"))
}

/// A tool's folder: name, version and the start of its archive's hash, so that a changed pin is another folder.
///
/// # Errors
/// When the tool is not pinned, or not made for this platform.
pub fn folder(config: &Config, cache: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let tool = config.tools.get(name).ok_or_else(|| {
        let known = config.tools.keys().cloned().collect::<Vec<_>>().join(", ");
        coded(
            Code::Usage,
            format!("no tool named {name}; there are {known}"),
        )
    })?;
    let archive = tool.archive_for(&platform()).ok_or_else(|| {
        coded(
            Code::Missing,
            format!(
                "{name} {} is not pinned for {}; put it on PATH or add its hash to e2e.toml",
                tool.version,
                platform()
            ),
        )
    })?;
    Ok(cache.join(format!(
        "{name}-{}-{}",
        tool.version,
        archive.sha256.get(..8).unwrap_or(&archive.sha256)
    )))
}

/// The main file of an installed tool; `None` when it is absent or damaged.
pub fn installed(config: &Config, name: &str) -> Option<PathBuf> {
    let dir = folder(config, &cache_dir().ok()?, name).ok()?;
    let tool = config.tools.get(name)?;
    matches!(manifest::state(&dir, false), State::Complete).then(|| dir.join(&tool.main))
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
            let config = &Config {
                offline,
                ..config.clone()
            };
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
        Verb::Clean => match std::fs::remove_dir_all(&cache) {
            Ok(()) => println!("removed {}", cache.display()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                println!("nothing at {}", cache.display())
            }
            Err(error) => return Err(error).with_context(|| format!("remove {}", cache.display())),
        },
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
