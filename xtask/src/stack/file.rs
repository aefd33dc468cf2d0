//! `stack.json`: what the tests are told.

use super::native::Native;
use super::parts::Parts;
use super::services::{NAMESPACE, TASK_QUEUE};
use crate::model::Model;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// `stack.json`, as `docs/stack.md` says it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StackFile {
    /// Names the run's folder.
    pub run_id: String,
    /// `phase1` or `phase2`.
    pub phase: String,
    /// `native`, `docker` or `external`.
    pub runtime: String,
    /// `http://HOST:PORT`.
    pub server: String,
    /// `None` in phase 1.
    pub temporal: Option<TemporalAt>,
    /// `None` in phase 1.
    pub gateway: Option<GatewayAt>,
    /// `None` in phase 1.
    pub tools: Option<ToolsAt>,
    /// `None` in phase 1, and where there is none.
    pub model: Option<ModelAt>,
    /// `None` where the stack is somebody else's.
    pub control: Option<ControlAt>,
    /// Binaries that tests run.
    pub bin: Bin,
    /// Where the services' logs are.
    pub logs: PathBuf,
}

/// Temporal, as tests see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TemporalAt {
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
pub struct GatewayAt {
    /// Ends in `/v1`.
    pub base_url: String,
    /// `replay`, `record` or `live`.
    pub mode: String,
}

/// MCP servers for tests, as the runner reaches them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ToolsAt {
    /// A program that speaks MCP on its standard streams.
    pub stdio: PathBuf,
    /// Ends in `/mcp`.
    pub http: String,
}

/// The model, as tests see it. Its key is not here: tests do not talk to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelAt {
    /// `embedded`, `ollama` or `address`.
    pub kind: String,
    /// Ends in `/v1`.
    pub base_url: String,
    /// Name.
    pub name: String,
}

/// The control address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ControlAt {
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

impl StackFile {
    /// A stack of ours. Without Temporal, gateway, tools and model it is phase 1's.
    pub fn ours(stack: &Native, parts: &Parts, server: String) -> Self {
        let native = stack.containers().is_none();
        Self {
            run_id: stack.run.id.clone(),
            phase: stack.phase.into(),
            runtime: if native { "native" } else { "docker" }.into(),
            server,
            temporal: None,
            gateway: None,
            tools: None,
            model: None,
            control: None,
            bin: Bin {
                stigmer: parts.bins.cli.clone(),
            },
            logs: stack.dir.join("logs"),
        }
    }
    /// Writes it readable by this user only, since it holds the control token.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        use std::io::Write;
        let text = serde_json::to_string_pretty(self).context("describe the stack")?;
        let _ = std::fs::remove_file(path); // the mode counts only when a file is made
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("write {}", path.display()))?;
        file.write_all(text.as_bytes())
            .with_context(|| format!("write {}", path.display()))
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

impl TemporalAt {
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

impl ModelAt {
    /// Where a model is on this host's own terms.
    pub fn of(model: &Model) -> Self {
        Self {
            kind: model.kind.word().into(),
            base_url: model.base_url.clone().unwrap_or_default(),
            name: model.name.clone(),
        }
    }
}
