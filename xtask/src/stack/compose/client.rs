//! Which Compose there is, and its command lines.

use crate::config::Config;
use crate::engine;
use crate::exit::{Code, coded};
use crate::process::{Command, ask::ask_async};
use crate::tools::{install, installed};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

/// A Compose that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compose {
    /// `docker compose`, `docker-compose` or a path.
    pub words: Vec<String>,
    /// Its version.
    pub version: String,
}

impl Compose {
    /// The first that answers: `E2E_COMPOSE` (`v1`, `v2` or a path), the client's plug-in, the tools cache, PATH.
    ///
    /// # Errors
    /// [`Code::Missing`] with its mend.
    pub async fn find(config: &Config) -> anyhow::Result<Self> {
        let wish = std::env::var("E2E_COMPOSE").unwrap_or_default();
        let plugin = vec!["docker".to_owned(), "compose".into()];
        let ours =
            installed(config, "compose").map(|path| vec![path.to_string_lossy().into_owned()]);
        let on_path = vec!["docker-compose".to_owned()];
        let candidates: Vec<Vec<String>> = match wish.as_str() {
            "" => [Some(plugin), ours, Some(on_path)]
                .into_iter()
                .flatten()
                .collect(),
            "v2" => [Some(plugin), ours].into_iter().flatten().collect(),
            "v1" => vec![on_path],
            path => vec![vec![path.to_owned()]],
        };
        for words in candidates {
            let Some(version) = version(&words).await else {
                continue;
            };
            let compose = Self { words, version };
            if wish == "v1" && !compose.is_v1() {
                continue;
            }
            return Ok(compose);
        }
        let wish = if wish.is_empty() {
            String::new()
        } else {
            format!(" (E2E_COMPOSE={wish})")
        };
        Err(coded(
            Code::Missing,
            format!(
                "no Docker Compose answers{wish}\n  mend: cargo xtask tools install compose, or sudo apt-get install -y docker-compose"
            ),
        ))
    }

    /// The first that answers; where there is none, the pinned one is fetched.
    ///
    /// # Errors
    /// As [`Compose::find`], with why it could not be fetched.
    pub async fn get(config: &Config) -> anyhow::Result<Self> {
        let absent = match Self::find(config).await {
            Err(error) => error,
            found => return found,
        };
        let wish = std::env::var("E2E_COMPOSE").unwrap_or_default();
        if !(wish.is_empty() || wish == "v2") || !config.tools.contains_key("compose") {
            return Err(absent);
        }
        match install::all(config, &["compose".to_owned()]).await {
            Ok(()) => Self::find(config).await,
            Err(error) => Err(coded(
                Code::Missing,
                format!("{absent:#}\n  it cannot be fetched either: {error:#}"),
            )),
        }
    }

    /// One of the other kind that is at hand too: v1 beside v2, or v2 beside v1.
    pub async fn other(&self, config: &Config) -> Option<Self> {
        let candidates = [
            Some(vec!["docker".to_owned(), "compose".into()]),
            installed(config, "compose").map(|path| vec![path.to_string_lossy().into_owned()]),
            Some(vec!["docker-compose".to_owned()]),
        ];
        for words in candidates.into_iter().flatten() {
            if let Some(version) = version(&words).await {
                let found = Self { words, version };
                if found.is_v1() != self.is_v1() {
                    return Some(found);
                }
            }
        }
        None
    }

    /// The word for [`Compose::other`] in `E2E_COMPOSE`.
    pub fn other_kind(&self) -> &'static str {
        if self.is_v1() { "v2" } else { "v1" }
    }

    /// Whether it is the old one, written in Python.
    pub fn is_v1(&self) -> bool {
        self.version.starts_with("1.")
    }

    fn command(&self, root: &Path, project: &str) -> Command {
        let mut words = self.words.iter();
        Command::new(words.next().cloned().unwrap_or_default())
            .args(words.cloned())
            .args(["--project-name", project, "--file"])
            .args([root.join("compose/compose.yaml").to_string_lossy()])
            .cwd(root)
    }

    /// Starts everything, and returns when it is started. Never asks a registry: images are there or it fails.
    pub fn up(&self, root: &Path, project: &str) -> Command {
        let command = self
            .command(root, project)
            .args(["up", "--detach", "--no-build"]);
        if self.is_v1() {
            command
        } else {
            command.args(["--pull", "never", "--quiet-pull"])
        }
    }
}

async fn version(words: &[String]) -> Option<String> {
    let (program, rest) = words.split_first()?;
    let command = Command::new(program)
        .args(rest.iter().cloned())
        .args(["version", "--short"]);
    let answer = ask_async(command, LIMIT).await.ok()?;
    let version = answer.stdout.trim().trim_start_matches('v').to_owned();
    (answer.ok && version.starts_with(|c: char| c.is_ascii_digit())).then_some(version)
}

/// The engine's own version and who it is.
///
/// # Errors
/// Why it does not answer, with its mend.
pub async fn engine_version() -> anyhow::Result<String> {
    let command = engine::docker([
        "version",
        "--format",
        "{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}} {{range .Server.Components}}{{.Name}};{{end}}",
    ]);
    engine::ask(command, LIMIT, Code::Missing).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let compose = |version: &str, words: &[&str]| Compose {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            version: version.into(),
        };
        let (one, two) = (
            compose("1.29.2", &["docker-compose"]),
            compose("2.40.3", &["docker", "compose"]),
        );
        let root = Path::new("/w");
        insta::assert_snapshot!(one.up(root, "p").echo(), @"docker-compose --project-name p --file /w/compose/compose.yaml up --detach --no-build");
        insta::assert_snapshot!(two.up(root, "p").echo(), @"docker compose --project-name p --file /w/compose/compose.yaml up --detach --no-build --pull never --quiet-pull");
    }
}
