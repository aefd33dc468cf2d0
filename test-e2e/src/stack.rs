//! The running stack, as xtask describes it in `stack.json` (`docs/stack.md`).

use std::{env, fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::{Api, Cli, Control, Temporal, trail};

/// The running stack.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// The run's id.
    pub run_id: String,
    /// `phase1` or `phase2`.
    pub phase: String,
    /// `native`, `docker` or `external`.
    pub runtime: String,
    /// The server's URL.
    pub server: String,
    /// Temporal, in phase 2.
    pub temporal: Option<TemporalEndpoint>,
    /// The model gateway, in phase 2.
    pub gateway: Option<GatewayEndpoint>,
    /// MCP servers as the runner reaches them, in phase 2.
    pub mcp: Option<McpEndpoint>,
    /// The model, in phase 2, where there is one.
    pub model: Option<ModelEndpoint>,
    control: Option<ControlEndpoint>,
    bin: Bin,
    logs: PathBuf,
    shared_logs: Option<PathBuf>,
}

/// Where Temporal is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemporalEndpoint {
    /// `HOST:PORT`.
    pub address: String,
    /// Namespace of the workflows.
    pub namespace: String,
    /// The queue that the shared runner polls.
    pub task_queue: String,
    /// The `temporal` command.
    pub cli: PathBuf,
}

/// Where the model gateway is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayEndpoint {
    /// Base address of its OpenAI-compatible API, up to and with `/v1`.
    pub base_url: String,
    /// `replay`, `record` or `live`.
    pub mode: String,
}

/// MCP servers as the runner reaches them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpEndpoint {
    /// A program that speaks MCP on its standard streams.
    pub stdio: PathBuf,
    /// Address of the one that speaks HTTP.
    pub http: String,
    /// mcp-server-time, where it could be had.
    #[serde(default)]
    pub time: Option<CommandAt>,
}

/// A program and what it is called with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandAt {
    /// The program.
    pub command: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

/// Which model answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEndpoint {
    /// `embedded`, `ollama`, `address` or `external`.
    pub kind: String,
    /// Base address of its OpenAI-compatible API.
    pub base_url: String,
    /// Its name.
    pub name: String,
    /// Whether it takes tools, where that is known.
    pub tools: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlEndpoint {
    address: String,
    token: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bin {
    stigmer: PathBuf,
}

impl Stack {
    /// The stack that this test runs on.
    ///
    /// # Errors
    /// When there is none: the text says how to get one.
    pub fn get() -> Result<Self> {
        // Ctrl-C lets running tests end: whoever started us decides when they must.
        drop(signal(SignalKind::interrupt())?);
        let Some(path) = env::var_os("E2E_STACK") else {
            bail!(
                "there is no stack to test: run `cargo xtask e2e` (or `cargo xtask up` first, then `cargo xtask e2e --reuse`)"
            );
        };
        let path = PathBuf::from(path);
        let read = || path.display().to_string();
        let text = fs::read_to_string(&path).with_context(read)?;
        let stack: Self = serde_json::from_str(&text).with_context(read)?;
        if let Some(dir) = path.parent() {
            trail::begin(dir, &stack.phase, &stack.runtime);
        }
        Ok(stack)
    }

    /// The API of the shared server.
    ///
    /// # Errors
    /// When its address is none.
    pub fn api(&self) -> Result<Api> {
        Api::new(&self.server)
    }

    /// The `stigmer` command, pointed at the shared server.
    pub fn cli(&self) -> Cli {
        self.cli_at(&self.server)
    }

    /// The services' logs: those of the run's own, and of a kept stack that it uses.
    ///
    /// # Errors
    /// When their folder cannot be read.
    pub fn log_files(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for folder in [Some(&self.logs), self.shared_logs.as_ref()]
            .into_iter()
            .flatten()
        {
            // A run that starts nothing itself has none of its own.
            if folder.exists() {
                let entries = fs::read_dir(folder);
                for entry in entries.with_context(|| format!("cannot read {}", folder.display()))? {
                    files.push(entry?.path());
                }
            }
        }
        Ok(files)
    }

    /// The `stigmer` command, pointed at `server`.
    pub fn cli_at(&self, server: &str) -> Cli {
        Cli::new(&self.bin.stigmer, server)
    }

    /// The stack's control address.
    ///
    /// # Errors
    /// When the stack has none (it is somebody else's) or it cannot be reached.
    pub async fn control(&self) -> Result<Control> {
        let Some(at) = &self.control else {
            bail!("the runtime `{}` lets no test hurt a service", self.runtime);
        };
        Control::connect(&at.address, &at.token).await
    }

    /// The stack's Temporal.
    ///
    /// # Errors
    /// In phase 1, which has none.
    pub fn temporal(&self) -> Result<Temporal> {
        let at = self
            .temporal
            .clone()
            .context("this phase has no Temporal")?;
        Ok(Temporal::new(at, self.runtime != "external"))
    }

    /// The stack's model.
    ///
    /// # Errors
    /// In phase 1, and where none is to be had.
    pub fn model(&self) -> Result<&ModelEndpoint> {
        self.model.as_ref().context("this stack has no live model")
    }

    /// The stack's model gateway.
    ///
    /// # Errors
    /// In phase 1, which has none.
    pub fn gateway(&self) -> Result<&GatewayEndpoint> {
        self.gateway.as_ref().context("this phase has no gateway")
    }

    /// The stack's MCP servers.
    ///
    /// # Errors
    /// In phase 1, which has none.
    pub fn mcp(&self) -> Result<&McpEndpoint> {
        self.mcp.as_ref().context("this phase has no MCP server")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The harness writes exactly this, which a test of its own keeps.
    const GOLDEN: &str = include_str!("../testdata/stack.json");

    #[test]
    fn the_golden_file_is_understood() -> Result<()> {
        let stack: Stack = serde_json::from_str(GOLDEN)?;
        assert_eq!((&*stack.phase, &*stack.runtime), ("phase2", "native"));
        assert_eq!(stack.mcp()?.http, "http://127.0.0.1:40007/mcp");
        let model = stack.model()?;
        assert_eq!((&*model.kind, model.tools), ("embedded", Some(true)));
        assert_eq!(stack.gateway()?.mode, "replay");
        assert!(stack.control.is_some() && stack.temporal().is_ok());
        Ok(())
    }
}
