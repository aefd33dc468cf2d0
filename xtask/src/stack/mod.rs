//! What a stack is: services that become ready, endpoints that tests use, an end that leaves nothing.

pub mod bins;
pub mod compose;
pub mod control;
pub mod external;
pub mod lease;
pub mod life;
pub mod members;
pub mod native;
pub mod ready;
pub mod services;
pub mod temporal;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where the services run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Runtime {
    /// Host processes: they are the fastest, and need nothing but this machine
    Auto,
    /// Host processes in their own process groups
    Native,
    /// Phase 2 in containers by Docker Compose; images that are missing are built first
    Docker,
    /// Somebody else's stack: E2E_SERVER_ADDR, E2E_TEMPORAL_ADDR
    External,
}

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

impl Runtime {
    /// The runtime that is used.
    pub fn resolve(self) -> Self {
        match self {
            Self::Auto | Self::Native => Self::Native,
            other => other,
        }
    }
}
