//! The binaries of a stack: ours, or somebody else's builds of the same parts.

use crate::programs::{Program, TEMPORAL_BIN, configured};
use anyhow::Context;
use harness_base::{Artifacts, Code, Config, Guest, Part, Phase, Phases, coded};
use std::path::{Path, PathBuf};

/// A binary of this workspace that a stack runs or hands to the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// The CLI.
    Cli,
    /// The server.
    Server,
    /// The agent-runner.
    Runner,
    /// The model gateway.
    Gateway,
    /// The MCP server of the tests.
    Mcp,
}

impl Binary {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Cli,
        Self::Server,
        Self::Runner,
        Self::Gateway,
        Self::Mcp,
    ];

    /// Its name, for cargo too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cli => "stigmer",
            Self::Server => "stigmer-server",
            Self::Runner => "agent-runner",
            Self::Gateway => "model-gateway",
            Self::Mcp => "mcp-probe",
        }
    }

    /// The part of somebody else's build that takes its place, as a file describes it.
    pub fn guest(self, config: &Config) -> Option<(Part, &Guest)> {
        let part = match self {
            Self::Server => Part::Server,
            Self::Runner => Part::Runner,
            Self::Gateway => Part::Gateway,
            Self::Cli | Self::Mcp => return None,
        };
        Some((part, config.parts.guest(part)?))
    }

    /// Somebody else's build of it.
    pub fn configured(self, config: &Config) -> Option<PathBuf> {
        let services = &config.services;
        let set = match self {
            Self::Cli => &services.cli.bin,
            Self::Server => &services.server.bin,
            Self::Runner => &services.runner.bin,
            Self::Gateway => &services.gateway.bin,
            Self::Mcp => &services.mcp.bin,
        };
        configured(self.variable(), set)
    }

    /// Where somebody else's build of it is, or why not; `None` where nobody names one.
    pub fn theirs(self, config: &Config) -> Option<Result<PathBuf, String>> {
        Some(there(&self.configured(config)?))
    }

    /// What mends a build of somebody else's that is not there.
    pub fn fix(self) -> String {
        fix(self.variable())
    }

    /// Whether the phases run it.
    pub fn is_run_by(self, phases: Phases) -> bool {
        match self {
            Self::Cli | Self::Server => true,
            Self::Runner | Self::Gateway | Self::Mcp => phases.two,
        }
    }

    /// The variable that names somebody else's build of it.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Cli => "E2E_CLI_BIN",
            Self::Server => "E2E_SERVER_BIN",
            Self::Runner => "E2E_RUNNER_BIN",
            Self::Gateway => "E2E_GATEWAY_BIN",
            Self::Mcp => "E2E_MCP_BIN",
        }
    }

    /// What is run: as configured, else what the build made.
    ///
    /// # Errors
    /// When the build did not make it.
    pub fn path(self, config: &Config, artifacts: &Artifacts) -> anyhow::Result<PathBuf> {
        if let Some(path) = self.configured(config) {
            return Ok(path);
        }
        let built = artifacts.binary(self.name());
        Ok(built
            .with_context(|| format!("{} was not built", self.name()))?
            .to_owned())
    }
}

/// Looks whether somebody else's builds are there, before any time goes into a build of the rest.
///
/// # Errors
/// [`Code::Usage`] with the first of what the phases run that is no program.
pub fn check_theirs(config: &Config, phases: Phases) -> anyhow::Result<()> {
    let run = Binary::ALL.into_iter().filter(|it| it.is_run_by(phases));
    let theirs = run.map(|it| (it.name(), it.variable(), it.theirs(config)));
    let mut guests = config.parts.guests();
    let asks = guests.any(|(_, guest)| phases.one && guest.needs_temporal(Phase::One));
    let temporal = Program::Temporal.configured(config);
    let temporal = temporal.filter(|_| phases.two || asks);
    let temporal = temporal.map(|bin| there(&bin));
    let temporal = ("temporal", TEMPORAL_BIN, temporal);
    for (name, variable, found) in theirs.chain([temporal]) {
        if let Some(Err(why)) = found {
            let text = format!("{name}: {why}\n  mend: {}", fix(variable));
            return Err(coded(Code::Usage, text));
        }
    }
    Ok(())
}

fn there(bin: &Path) -> Result<PathBuf, String> {
    let found = which::which(bin);
    found.map_err(|_| format!("{}, as configured: no program is there", bin.display()))
}

fn fix(variable: &str) -> String {
    format!("correct or unset {variable}, or `bin` in e2e.toml")
}
