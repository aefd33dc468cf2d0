//! The binaries of a stack: ours, or somebody else's builds of the same parts.

use crate::config::Config;
use crate::process::this_program;
use anyhow::Context;
use std::path::PathBuf;

/// The binaries of a stack.
#[derive(Clone, Debug)]
pub struct Bins {
    /// `stigmer-server`.
    pub server: PathBuf,
    /// `agent-runner`.
    pub runner: PathBuf,
    /// `stigmer`.
    pub cli: PathBuf,
    /// `model-gateway`.
    pub gateway: PathBuf,
    /// `mcp-probe`.
    pub tools: PathBuf,
}

impl Bins {
    /// Ours, or what the environment or `e2e.toml` puts in their place.
    ///
    /// # Errors
    /// When this process does not know where it lies.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        // xtask is built into the same profile folder as the services, wherever cargo was told to put that.
        let exe = this_program()?;
        let built = exe
            .parent()
            .context("this program has no folder")?
            .to_owned();
        let pick = |var: &str, set: &Option<PathBuf>, ours: &str| {
            swapped(var, set).unwrap_or_else(|| built.join(ours))
        };
        let services = &config.services;
        Ok(Self {
            server: pick("E2E_SERVER_BIN", &services.server.bin, "stigmer-server"),
            runner: pick("E2E_RUNNER_BIN", &services.runner.bin, "agent-runner"),
            cli: pick("E2E_CLI_BIN", &services.cli.bin, "stigmer"),
            gateway: pick("E2E_GATEWAY_BIN", &services.gateway.bin, "model-gateway"),
            tools: pick("E2E_TOOLS_BIN", &services.tools.bin, "mcp-probe"),
        })
    }
}

/// Somebody else's build of a part: the variable, else the configuration.
pub fn swapped(var: &str, set: &Option<PathBuf>) -> Option<PathBuf> {
    std::env::var_os(var)
        .filter(|bin| !bin.is_empty())
        .map(PathBuf::from)
        .or_else(|| set.clone())
}
