//! Which Compose there is, and its command lines.

use harness_base::{Code, Command, Config, coded, docker, platform, query};
use harness_provision::tools::{install, installed};
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
    /// The first of version 2 or newer that answers: `E2E_COMPOSE` (a path), the client's plug-in, the tools cache, PATH.
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
            path => vec![vec![path.to_owned()]],
        };
        let mut old = None;
        for words in candidates {
            match version(&words).await {
                Some(version) if version.starts_with("1.") => old = Some(version),
                Some(version) => return Ok(Self { words, version }),
                None => {}
            }
        }
        let old = old.map_or_else(String::new, |version| {
            format!("; {version} is there, and version 2 or newer is needed")
        });
        let wish = if wish.is_empty() {
            String::new()
        } else {
            format!(" (E2E_COMPOSE={wish})")
        };
        Err(coded(
            Code::Missing,
            format!(
                "no Docker Compose answers{wish}{old}\n  mend: cargo xtask tools install compose"
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
        if fetchable(config).is_none() {
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

    /// Whether one would be had: it answers, or it would be fetched. Fetches nothing.
    ///
    /// # Errors
    /// As [`Compose::find`].
    pub async fn can_be_had(config: &Config) -> anyhow::Result<()> {
        match Self::find(config).await {
            Err(_) if fetchable(config).is_some() => Ok(()),
            found => found.map(drop),
        }
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
        self.command(root, project)
            .args(["up", "--detach", "--no-build"])
            .args(["--pull", "never", "--quiet-pull"])
    }
}

/// The version that is fetched where none answers; `None` where one is asked for, or none is pinned for this machine.
pub fn fetchable(config: &Config) -> Option<&str> {
    let asked = std::env::var_os("E2E_COMPOSE").is_some_and(|wish| !wish.is_empty());
    let tool = config.tools.get("compose").filter(|_| !asked)?;
    tool.archive_for(&platform()).map(|_| tool.version.as_str())
}

async fn version(words: &[String]) -> Option<String> {
    let (program, rest) = words.split_first()?;
    let command = Command::new(program)
        .args(rest.iter().cloned())
        .args(["version", "--short"]);
    let answer = query(command, LIMIT).await.ok()?;
    let version = answer.stdout.trim().trim_start_matches('v').to_owned();
    (answer.ok && version.starts_with(|c: char| c.is_ascii_digit())).then_some(version)
}

/// The engine's own version and who it is.
///
/// # Errors
/// Why it does not answer, with its mend.
pub async fn engine_version() -> anyhow::Result<String> {
    let command = docker::docker([
        "version",
        "--format",
        "{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}} {{range .Server.Components}}{{.Name}};{{end}}",
    ]);
    docker::ask(command, LIMIT, Code::Missing).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let compose = Compose {
            words: vec!["docker".into(), "compose".into()],
            version: "2.40.3".into(),
        };
        let root = Path::new("/w");
        insta::assert_snapshot!(compose.up(root, "p").echo(), @"docker compose --project-name p --file /w/compose/compose.yaml up --detach --no-build --pull never --quiet-pull");
    }
}
