//! `stack.json`: what the tests are told.

use crate::private;
use crate::services::{NAMESPACE, TASK_QUEUE};
use crate::stack::Stack;
use anyhow::Context;
use harness_base::Phase;
use harness_provision::{Binary, GatewayMode, Model, ModelKind};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// `stack.json`, as `docs/stack.md` says it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StackFile {
    /// Names the run's folder.
    pub run_id: String,
    /// Whose stack it is.
    pub phase: Phase,
    /// Where its services run.
    pub runtime: Runtime,
    /// `http://HOST:PORT`.
    pub server: String,
    /// `None` in phase 1.
    pub temporal: Option<TemporalEndpoint>,
    /// `None` in phase 1.
    pub gateway: Option<GatewayEndpoint>,
    /// `None` in phase 1.
    pub mcp: Option<McpEndpoint>,
    /// `None` in phase 1, and where there is none.
    pub model: Option<ModelEndpoint>,
    /// `None` where the stack is somebody else's.
    pub control: Option<ControlEndpoint>,
    /// Binaries that tests run.
    pub bin: Bin,
    /// Where the services' logs are.
    pub logs: PathBuf,
    /// Where those of the shared services are, if another run started them.
    pub shared_logs: Option<PathBuf>,
}

/// Where the services of a stack run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// Host processes in their own process groups.
    Native,
    /// Containers by Docker Compose.
    Docker,
    /// Somebody else's.
    External,
}

/// Temporal, as tests see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TemporalEndpoint {
    /// `HOST:PORT`.
    pub address: String,
    /// Namespace.
    pub namespace: String,
    /// The runner's queue.
    pub task_queue: String,
    /// The CLI that belongs to it.
    pub cli: PathBuf,
}

/// The model gateway, as tests see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GatewayEndpoint {
    /// Ends in `/v1`.
    pub base_url: String,
    /// What it does with recordings.
    pub mode: GatewayMode,
}

/// MCP servers for tests, as the runner reaches them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct McpEndpoint {
    /// A program that speaks MCP on its standard streams.
    pub stdio: PathBuf,
    /// Ends in `/mcp`.
    pub http: String,
    /// A published one that is not ours, `mcp-server-time`; `None` where it cannot be had.
    pub time: Option<CommandLine>,
}

/// A program with its arguments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CommandLine {
    /// The program.
    pub command: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

/// The model, as tests see it. Its key is not here: tests do not talk to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelEndpoint {
    /// Where it is.
    pub kind: ModelKind,
    /// Ends in `/v1`.
    pub base_url: String,
    /// Name.
    pub name: String,
    /// Whether it takes tools; `None` where nobody says.
    pub tools: Option<bool>,
}

/// The control address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ControlEndpoint {
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// Goes with each request.
    pub token: String,
}

/// Binaries that tests run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bin {
    /// The CLI under test.
    pub stigmer: PathBuf,
}

/// Where the services of a phase 2 stack are.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// `http://HOST:PORT`.
    pub server: String,
    /// `HOST:PORT`.
    pub temporal: String,
    /// Ends in `/v1`.
    pub gateway: String,
    /// As the runner reaches it.
    pub mcp: McpEndpoint,
    /// Temporal's web page, where it has one.
    pub web: Option<String>,
}

impl StackFile {
    /// A stack of ours. Without Temporal, gateway, MCP server and model it is phase 1's.
    ///
    /// # Errors
    /// When there is no CLI to hand to the tests.
    pub fn ours(stack: &Stack, server: String) -> anyhow::Result<Self> {
        let native = stack.containers().is_none();
        Ok(Self {
            run_id: stack.context.run.id.clone(),
            phase: stack.phase,
            runtime: if native {
                Runtime::Native
            } else {
                Runtime::Docker
            },
            server,
            temporal: None,
            gateway: None,
            mcp: None,
            model: None,
            control: None,
            bin: Bin {
                stigmer: stack.binary(Binary::Cli)?,
            },
            logs: stack.dir.join("logs"),
            shared_logs: None,
        })
    }

    /// Writes it readable by this user only, since it holds the control token.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("describe the stack")?;
        private::write(path, &text)
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it is not there or not ours.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))
    }
}

impl TemporalEndpoint {
    /// Our dev server.
    pub fn ours(address: String, cli: PathBuf) -> Self {
        Self {
            address,
            namespace: NAMESPACE.into(),
            task_queue: TASK_QUEUE.into(),
            cli,
        }
    }
}

impl ModelEndpoint {
    /// Where a model is on this host's own terms.
    pub fn of(model: &Model) -> Self {
        Self {
            kind: model.kind,
            base_url: model.base_url.clone().unwrap_or_default(),
            name: model.name.clone(),
            tools: model.tools,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Read by the tests' own reader too, so that both ends mean the same.
    const GOLDEN: &str = include_str!("../../../test-e2e/testdata/stack.json");

    #[test]
    fn the_golden_file_is_what_is_written() {
        let file: StackFile = serde_json::from_str(GOLDEN).unwrap();
        assert_eq!(
            (file.phase, file.runtime),
            (Phase::Two, Runtime::Native),
            "{file:?}"
        );
        let written = serde_json::to_string_pretty(&file).unwrap();
        assert_eq!(written.trim(), GOLDEN.trim());
    }
}
