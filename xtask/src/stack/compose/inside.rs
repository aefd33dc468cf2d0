//! What a container is told and asked, private ones as Compose's: the same as in `compose.yaml`.

use super::Containers;
use crate::docker::{self, ANSWER, docker};
use crate::exit::Code;
use crate::process::Command;
use crate::stack::native::Native;
use crate::stack::parts::Parts;
use crate::stack::services::{self, NAMESPACE, TASK_QUEUE};
use anyhow::Context;

/// Flags that every private container has; the same as in `compose.yaml`.
pub fn hardened(containers: &Containers, name: &str) -> Command {
    let mut command = docker(["run", "--detach", "--name", name])
        .args(["--user", "65532:65532", "--read-only", "--cap-drop", "ALL"])
        .args([
            "--security-opt",
            "no-new-privileges:true",
            "--pids-limit",
            "256",
        ])
        .args(["--memory", "512m", "--restart", "no", "--pull", "never"])
        .args(["--add-host", "host.docker.internal:host-gateway"])
        .args(["--log-driver", "json-file", "--log-opt", "max-size=50m"])
        .args(["--tmpfs", "/tmp:uid=65532,gid=65532,mode=0700"]);
    for (label, value) in &containers.labels {
        command = command.args(["--label".to_owned(), format!("{label}={value}")]);
    }
    command
}

/// The service's own health check, inside.
pub fn health(name: &str, binary: &str) -> Command {
    let command = docker(["exec", name, &format!("/{binary}"), "healthcheck"]);
    match binary {
        "stigmer-server" => command.args(["--address", "127.0.0.1:7234"]),
        "mcp-probe" => command.args(["--address", "127.0.0.1:8080"]),
        _ => command.args(services::RUNNER_WAITS), // a runner is asked by what it was told
    }
}

/// Where a port of a container is published: `127.0.0.1:PORT`.
///
/// # Errors
/// When it does not run.
pub async fn published(name: &str, port: &str) -> anyhow::Result<String> {
    let said = docker::ask(
        docker(["port", name, &format!("{port}/tcp")]),
        ANSWER,
        Code::NotReady,
    )
    .await?;
    let first = said.lines().next().context("a port is not published")?;
    Ok(first.trim().to_owned())
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// A server's environment.
pub fn server_env(parts: &Parts) -> Vec<(String, String)> {
    let mut env = owned(&[
        ("GRPC_HOST", "0.0.0.0"),
        ("GRPC_PORT", "7234"),
        ("DB_PATH", "/data/stigmer.redb"),
        ("TEMPORAL_ADDRESS", "temporal:7233"),
        ("TEMPORAL_NAMESPACE", NAMESPACE),
        ("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE", TASK_QUEUE),
        ("LOG_LEVEL", "info"),
    ]);
    env.extend(secret("STIGMER_RUNNER_KEY", parts.runner_key.as_ref()));
    env
}

fn secret(name: &str, value: Option<&String>) -> Option<(String, String)> {
    value.map(|value| (name.to_owned(), value.clone()))
}

/// A runner's environment.
pub fn runner_env(stack: &Native, parts: &Parts) -> Vec<(String, String)> {
    let mut env = owned(&[
        ("STIGMER_BACKEND_ENDPOINT", "http://server:7234"),
        ("TEMPORAL_ADDRESS", "temporal:7233"),
        ("TEMPORAL_NAMESPACE", NAMESPACE),
        ("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE", TASK_QUEUE),
        ("STIGMER_LLM_BASE_URL", "http://gateway:8080/v1"),
        ("STIGMER_LLM_MODEL", &parts.asked.name),
        (
            "STIGMER_LLM_MAX_TOKENS",
            &stack.config.model.max_tokens.to_string(),
        ),
        ("STIGMER_ANNOUNCE_FILE", "/tmp/identity"),
        ("STIGMER_WORK_DIR", "/work"),
        ("LOG_LEVEL", "info"),
    ]);
    env.extend(secret("STIGMER_RUNNER_KEY", parts.runner_key.as_ref()));
    env.extend(secret("STIGMER_LLM_API_KEY", parts.asked.key.as_ref()));
    env
}
