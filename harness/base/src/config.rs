//! `e2e.toml`: the one configuration.

mod images;

use crate::exit::{Code, coded};
use crate::parts::known::Known;
use crate::parts::source::Source;
use crate::parts::{Guests, Parts};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use images::{Images, registry};

/// Everything in `e2e.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Services by name.
    pub services: Services,
    /// Limits of the stop.
    pub stop: Stop,
    /// What is kept after a run.
    pub evidence: Evidence,
    /// The embedded model.
    pub model: EmbeddedModel,
    /// Container images.
    pub images: Images,
    /// Pinned tools by name.
    pub tools: BTreeMap<String, Tool>,
    #[serde(default, rename = "parts")]
    guests: Guests,
    #[serde(default)]
    known: Vec<Known>,
    /// What of a stack is somebody else's, and what of the tests differs.
    #[serde(skip)]
    pub parts: Parts,
    /// Nothing may be fetched, by the flag of one command.
    #[serde(skip)]
    pub offline: bool,
}

impl Config {
    /// The same for a command that may fetch nothing, or that may.
    #[must_use]
    pub fn with_offline(&self, offline: bool) -> Self {
        let mut config = self.clone();
        config.offline = offline;
        config
    }
}

/// The services that a stack is made of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Services {
    /// Temporal's dev server.
    pub temporal: Service,
    /// `stigmer-server`.
    pub server: Service,
    /// `agent-runner`.
    pub runner: Service,
    /// `model-gateway`.
    pub gateway: Service,
    /// `mcp-probe`, the MCP server of the tests.
    pub mcp: Service,
    /// The embedded model.
    pub model: Service,
    /// `stigmer`, handed to the tests.
    pub cli: Service,
}

impl Services {
    /// Takes paths of programs as seen from this folder; a bare name is one on PATH.
    fn beside(&mut self, folder: &Path) {
        let services = [
            &mut self.temporal,
            &mut self.server,
            &mut self.runner,
            &mut self.gateway,
            &mut self.mcp,
            &mut self.model,
            &mut self.cli,
        ];
        for bin in services.into_iter().filter_map(|it| it.bin.as_mut()) {
            if bin.components().nth(1).is_some() {
                *bin = folder.join(&*bin);
            }
        }
    }
}

/// One service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Longest time from start to ready, in seconds.
    pub ready_seconds: u64,
    /// Somebody else's build of the part, in place of ours.
    pub bin: Option<PathBuf>,
}

impl Service {
    /// Longest time from start to ready.
    pub fn ready_limit(&self) -> Duration {
        Duration::from_secs(self.ready_seconds)
    }
}

/// Limits of the stop.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// From SIGTERM to SIGKILL, in seconds.
    pub term_seconds: u64,
    /// For running tests after the first Ctrl-C, in seconds.
    pub drain_seconds: u64,
    /// For a Docker daemon that went away under a run, in seconds.
    pub docker_seconds: u64,
}

impl Stop {
    /// For a Docker daemon that went away under a run.
    pub fn docker_limit(&self) -> Duration {
        Duration::from_secs(self.docker_seconds)
    }
}

/// What is kept after a run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Run folders; older ones go, kept stacks stay.
    pub keep_runs: usize,
    /// Temporal histories of executions that did not complete, at most.
    pub histories: usize,
    /// Lines of a log that an error shows.
    pub tail_lines: usize,
}

/// The embedded model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddedModel {
    /// Its name towards the runner.
    pub embedded: String,
    /// Context in tokens, shared by all conversations.
    pub context: u32,
    /// Longest answer in tokens, of whichever model.
    pub max_tokens: u32,
    /// Slots.
    pub parallel: u32,
}

/// A pinned tool from PyPI.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Name of the distribution.
    pub package: String,
    /// Exact version.
    pub version: String,
    /// The file that matters, relative to the tool's folder.
    pub main: PathBuf,
    /// Its sha256 where it is the same on every platform.
    pub main_sha256: Option<String>,
    /// Fetched where it is used, or by its name, or by `tools install --all`.
    #[serde(default)]
    pub optional: bool,
    /// The only Python that it is made for, major and minor version; any that pip finds wheels for, where there is none.
    pub python: Option<String>,
    /// What it imports, into the same folder.
    #[serde(default)]
    pub with: Vec<Wheel>,
    /// Wheels by platform (`linux-x86_64`, ... or `any`).
    #[serde(default)]
    pub wheel: BTreeMap<String, Archive>,
    /// The one file of the source archives that is kept, as `main`.
    pub member: Option<String>,
    /// Source archives by platform, where what is wanted lies in one ready-made.
    #[serde(default)]
    pub source: BTreeMap<String, Archive>,
}

/// A wheel that a tool imports.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheel {
    /// Name of the distribution.
    pub package: String,
    /// Exact version.
    pub version: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Hash of the file, hexadecimal.
    pub sha256: String,
}

/// One file of a package index.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Size in bytes.
    pub bytes: u64,
    /// Hash of the file, hexadecimal.
    pub sha256: String,
}

impl Tool {
    /// What is fetched on a platform; `None` when the tool is not made for it.
    pub fn archive_for(&self, platform: &str) -> Option<&Archive> {
        let all = if self.member.is_some() {
            &self.source
        } else {
            &self.wheel
        };
        all.get(platform).or_else(|| all.get("any"))
    }
}

impl Tool {
    /// The size of all that is fetched, in bytes.
    pub fn bytes(&self, archive: &Archive) -> u64 {
        archive.bytes + self.with.iter().map(|wheel| wheel.bytes).sum::<u64>()
    }
}

/// This machine, as `e2e.toml` names platforms.
pub fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

/// Variables that were renamed: the old name, and the one that means it now.
const RENAMED: [(&str, &str); 4] = [
    ("E2E_TOOLS_BIN", "E2E_MCP_BIN"),
    ("E2E_TOOLS_URL", "E2E_MCP_URL"),
    ("E2E_IMAGE_TOOLS", "E2E_IMAGE_MCP"),
    ("E2E_MEMORY_TOOLS", "E2E_MEMORY_MCP"),
];

/// Refuses a variable that would silently mean nothing any more.
///
/// # Errors
/// A usage error that names the new one.
pub fn refuse_old_variables() -> anyhow::Result<()> {
    for (old, new) in RENAMED {
        if std::env::var_os(old).is_some() {
            let text = format!(
                "{old} is set: it is called {new} now\n  mend: unset {old}, and set {new} to what it was"
            );
            return Err(coded(Code::Usage, text));
        }
    }
    Ok(())
}

/// Reads `e2e.toml` at the root of the checkout.
///
/// # Errors
/// Usage errors that name the file, the line and the key.
pub fn load(root: &Path) -> anyhow::Result<Config> {
    let read = || {
        let source = Source::read(&root.join("e2e.toml"))?;
        let mut config = parse(&source)?;
        config.services.beside(root);
        Ok(config)
    };
    read().map_err(|why: String| coded(Code::Usage, why))
}

fn parse(source: &Arc<Source>) -> Result<Config, String> {
    let mut config: Config = source.parse()?;
    config.images.check()?;
    let parts = Parts {
        parts: std::mem::take(&mut config.guests),
        known: std::mem::take(&mut config.known),
        file: None,
    };
    config.parts = parts.placed(source)?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = include_str!("../../../e2e.toml");

    fn parse(text: &str) -> Result<Config, String> {
        super::parse(&Source::new(Path::new("e2e.toml"), text))
    }

    #[test]
    fn ours_is_valid_and_complete() {
        let config = parse(OURS).unwrap();
        for name in ["temporal", "nextest", "llama", "smollm2"] {
            let tool = &config.tools[name];
            for platform in ["linux-x86_64", "linux-aarch64", "macos-aarch64"] {
                assert_eq!(
                    tool.archive_for(platform).unwrap().sha256.len(),
                    64,
                    "{name} {platform}"
                );
            }
        }
        assert!(config.tools["temporal"].archive_for("plan9-mips").is_none());
    }

    #[test]
    fn no_table_takes_what_it_does_not_know() {
        let headers = OURS.lines().filter(|line| line.starts_with('['));
        let mut tables = 0;
        for header in headers {
            let text = OURS.replacen(header, &format!("{header}\nnonsense = 1"), 1);
            let why = parse(&text).map(drop).unwrap_err();
            assert!(why.contains("unknown field `nonsense`"), "{header}: {why}");
            tables += 1;
        }
        assert!(tables > 20, "{tables}");
    }

    #[test]
    fn programs_are_named_as_seen_from_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let of_server = OURS.replacen(
            "[services.server]",
            "[services.server]\nbin = \"a/server\"",
            1,
        );
        let text = of_server.replacen("[services.cli]", "[services.cli]\nbin = \"stigmer\"", 1);
        std::fs::write(dir.path().join("e2e.toml"), text).unwrap();
        let services = load(dir.path()).unwrap().services;
        assert_eq!(services.server.bin.unwrap(), dir.path().join("a/server"));
        assert_eq!(services.cli.bin.unwrap(), Path::new("stigmer"), "on PATH");
        assert_eq!(services.runner.bin, None);
    }

    #[test]
    fn errors_name_the_line() {
        let unknown = OURS.replace("drain_seconds = 60", "drian_seconds = 60");
        let line = OURS
            .lines()
            .position(|line| line.starts_with("drain_seconds"))
            .unwrap()
            + 1;
        let why = parse(&unknown).unwrap_err();
        assert!(
            why.starts_with(&format!("e2e.toml:{line}: unknown field `drian_seconds`")),
            "{why}"
        );
        let why = parse(&OURS.replace("keep_runs = 10", "keep_runs = \"ten\"")).unwrap_err();
        assert!(
            why.contains("invalid type: string \"ten\", expected usize"),
            "{why}"
        );
    }
}
