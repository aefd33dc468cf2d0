//! The embedded model: llama.cpp in Python, a process of this host in each runtime.

use crate::service::{ContainerNeeds, Health, ServiceSpec};
use harness_base::config::EmbeddedModel;
use harness_base::{Command, Inherit};
use harness_provision::ModelFiles;
use std::path::Path;
use std::time::Duration;

/// The script that serves it.
pub const SCRIPT: &str = include_str!("embedded_model.py");

/// Half of the processors: its threads spin for each other at every step, and one that waits for a processor which the
/// services have makes all others burn theirs.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |all| all.get().div_ceil(2))
}

/// The model under a name, at a leased port, behind a key.
pub fn spec(
    files: &ModelFiles,
    script: &Path,
    settings: &EmbeddedModel,
    (name, port, key): (&str, u16, &str),
    limit: Duration,
) -> ServiceSpec {
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let number = |flag: &str, number: String| [flag.to_owned(), number];
    let command = Command::default()
        .inherit(Inherit::System)
        .args(["-B".to_owned(), path(script)])
        .args(["--model".to_owned(), path(&files.weights)])
        .args(["--alias", name])
        .args(number("--port", port.to_string()))
        .args(number("--context", settings.context.to_string()))
        .args(number("--parallel", settings.parallel.to_string()))
        .args(number("--threads", threads().to_string()))
        .env("PYTHONPATH", path(&files.library))
        .secret("E2E_MODEL_KEY", key);
    ServiceSpec {
        command,
        health: Health::Http {
            url: format!("http://127.0.0.1:{port}/v1/models"),
            key: Some(key.to_owned()),
        },
        limit,
        container: ContainerNeeds::default(),
        described: None,
    }
}
