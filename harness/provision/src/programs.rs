//! Which program, from where, in which version: decided here and nowhere else. What is checked before a run and what a run
//! takes cannot differ.

use crate::tools::{install, installed};
use anyhow::Context;
use harness_base::{Code, Command, Config, coded, platform, query};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::OnceCell;

/// A program that others make and every run of some kind needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `temporal`, the CLI with the dev server.
    Temporal,
    /// `cargo-nextest`, which runs the tests.
    Nextest,
}

/// Where a program comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A variable or `e2e.toml` names it.
    Configured,
    /// It is on PATH.
    Path,
    /// It was fetched.
    Cache,
    /// A stack that is there already brought it.
    Stack(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Configured => "as configured",
            Self::Path => "PATH",
            Self::Cache => "tools cache",
            Self::Stack(whose) => whose,
        })
    }
}

/// A program that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The program.
    pub bin: PathBuf,
    /// Where it comes from.
    pub source: Source,
    /// Its version.
    pub version: String,
}

/// What a run would take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Located {
    /// It is there.
    There(Found),
    /// pip would fetch it.
    Fetchable {
        /// Its version.
        version: String,
        /// Why nothing that is there will do; empty where nothing is.
        instead_of: String,
    },
    /// It cannot be had.
    Absent {
        /// Why.
        why: String,
        /// What mends it.
        mend: String,
    },
}

impl Program {
    /// Its name, also in `e2e.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Temporal => "temporal",
            Self::Nextest => "nextest",
        }
    }

    fn on_path(self) -> &'static str {
        match self {
            Self::Temporal => "temporal",
            Self::Nextest => "cargo-nextest",
        }
    }

    /// The oldest version that will do.
    fn oldest(self) -> (u64, u64, u64) {
        match self {
            // Knows every flag that its start is given.
            Self::Temporal => (1, 1, 0),
            // Knows `--partition slice:`; what else it is told is older.
            Self::Nextest => (0, 9, 127),
        }
    }

    /// Somebody else's build of it.
    pub(crate) fn configured(self, config: &Config) -> Option<PathBuf> {
        match self {
            Self::Temporal => configured(TEMPORAL_BIN, &config.services.temporal.bin),
            Self::Nextest => None,
        }
    }

    fn version_of(self, bin: &Path) -> Command {
        match self {
            Self::Temporal => Command::new(bin).args(["--version"]),
            Self::Nextest => Command::new(bin).args(["nextest", "--version"]),
        }
    }
}

/// The variable that names somebody else's build of Temporal.
pub(crate) const TEMPORAL_BIN: &str = "E2E_TEMPORAL_BIN";

/// Somebody else's build of a part: the variable, else the configuration; an empty variable is none. Services and tests are
/// started in other folders, so what is there is named as a whole.
pub fn configured(variable: &str, set: &Option<PathBuf>) -> Option<PathBuf> {
    std::env::var_os(variable)
        .filter(|bin| !bin.is_empty())
        .map(PathBuf::from)
        .or_else(|| set.clone())
        .map(|bin| which::which(&bin).unwrap_or(bin))
}

/// Finds a program, once: whoever asks again hears the same. Fetches nothing.
pub async fn locate(config: &Config, program: Program) -> Located {
    static LOCATED: [OnceCell<Located>; 2] = [const { OnceCell::const_new() }; 2];
    let cell = &LOCATED[program as usize];
    cell.get_or_init(|| look(config, program)).await.clone()
}

async fn look(config: &Config, program: Program) -> Located {
    if let Some(bin) = program.configured(config) {
        return match version(program, &bin).await {
            Ok(version) => Located::There(Found {
                bin,
                source: Source::Configured,
                version,
            }),
            Err(why) => Located::Absent {
                why: format!("{}, as configured: {why}", bin.display()),
                mend: format!(
                    "correct or unset E2E_{0}_BIN or services.{1}.bin",
                    program.name().to_uppercase(),
                    program.name()
                ),
            },
        };
    }
    let mut instead_of = String::new();
    if let Ok(bin) = which::which(program.on_path()) {
        match version(program, &bin).await {
            Ok(version) if numbers(&version) >= program.oldest() => {
                return Located::There(Found {
                    bin,
                    source: Source::Path,
                    version,
                });
            }
            Ok(version) => instead_of = format!("{version} on PATH is too old; "),
            Err(why) => instead_of = format!("{why}; "),
        }
    }
    pinned(config, program.name(), instead_of)
}

/// What is pinned: in the cache, or to be fetched.
pub fn pinned(config: &Config, name: &str, instead_of: String) -> Located {
    let mend = format!("cargo xtask tools install {name}");
    let Some(tool) = config.tools.get(name) else {
        return Located::Absent {
            why: format!("{instead_of}not pinned in e2e.toml"),
            mend,
        };
    };
    let version = tool.version.clone();
    if let Some(bin) = installed(config, name) {
        return Located::There(Found {
            bin,
            source: Source::Cache,
            version,
        });
    }
    match tool.archive_for(&platform()) {
        Some(_) => Located::Fetchable {
            version,
            instead_of,
        },
        None => Located::Absent {
            why: format!(
                "{instead_of}not on PATH, and none is pinned for {}",
                platform()
            ),
            mend,
        },
    }
}

/// Has a program there, fetched where it must be.
///
/// # Errors
/// [`Code::Missing`] when it cannot be had.
pub async fn obtain(config: &Config, program: Program) -> anyhow::Result<Found> {
    match locate(config, program).await {
        Located::There(found) => Ok(found),
        Located::Absent { why, mend } => Err(coded(
            Code::Missing,
            format!("{}: {why}\n  mend: {mend}", program.name()),
        )),
        Located::Fetchable {
            version,
            instead_of,
        } => {
            if !instead_of.is_empty() {
                eprintln!("{}: {instead_of}the pinned one is used", program.name());
            }
            install::all(config, &[program.name().to_owned()]).await?;
            let bin = installed(config, program.name());
            Ok(Found {
                bin: bin.with_context(|| {
                    format!("{} was installed but is not there", program.name())
                })?,
                source: Source::Cache,
                version,
            })
        }
    }
}

/// The user's PATH with a program's folder in front: `cargo nextest` looks there for its program, and ours may be in the tools
/// cache.
///
/// # Errors
/// When the folder cannot be in a PATH.
pub fn path_with(bin: &Path) -> anyhow::Result<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = bin.parent().map(Path::to_owned).into_iter();
    let path = std::env::join_paths(folders.chain(std::env::split_paths(&path)))?;
    Ok(path.to_string_lossy().into_owned())
}

/// What a program says about itself.
async fn version(program: Program, bin: &Path) -> Result<String, String> {
    let answer = query(program.version_of(bin), Duration::from_secs(5)).await?;
    if !answer.stdout.to_lowercase().contains(program.name()) {
        let said = answer.stdout.lines().next().unwrap_or("nothing");
        return Err(format!(
            "{} is no {}: it says {said:?}",
            bin.display(),
            program.name()
        ));
    }
    version_in(&answer.stdout)
        .filter(|_| answer.ok)
        .ok_or_else(|| format!("{} does not say its version", bin.display()))
}

/// `1.9.1` in `Temporal CLI 1.9.1 (Server ...)` or `cargo-nextest 0.9.148 (...)`.
fn version_in(said: &str) -> Option<String> {
    said.split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
        .map(str::to_owned)
}

fn numbers(version: &str) -> (u64, u64, u64) {
    let mut numbers = version
        .split(['.', '-'])
        .map(|number| number.parse::<u64>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let said = "temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)";
        assert_eq!(version_in(said).as_deref(), Some("1.9.1"));
        let said = "cargo-nextest 0.9.148 (60fa45f63 2026-08-04)\nrelease: 0.9.148";
        assert_eq!(version_in(said).as_deref(), Some("0.9.148"));
        assert_eq!(version_in("no"), None);
        let fits = |version| numbers(version) >= Program::Temporal.oldest();
        assert!(fits("1.1.0") && fits("2.0") && !fits("1.0.9") && !fits("0.13.0"));
        let fits = |version| numbers(version) >= Program::Nextest.oldest();
        assert!(fits("0.9.148") && fits("0.10.0-b.1") && !fits("0.9.126"));
    }
}
