//! `agent-runner`.

use super::{NAMESPACE, TASK_QUEUE};
use crate::service::{ContainerNeeds, Health, Place, ServiceSpec, without_proxies};
use crate::wiring::Wiring;
use anyhow::Context;
use harness_base::{Command, Inherit};
use std::time::Duration;

/// A runner's health check asks until it is ready: it connects to Temporal, and a process for each question costs more,
/// the most in a container. Shorter than an answer may take.
pub(super) const WAITS: [&str; 3] = ["healthcheck", "--wait", "3"];
/// Asks whether the model answers the runner's own client.
pub const MODEL_HEALTH: [&str; 2] = ["healthcheck", "--model"];

/// A runner against the stack's server.
///
/// # Errors
/// When the stack has no Temporal, no gateway or no server yet.
pub fn spec(wiring: &Wiring, place: Place<'_>, limit: Duration) -> anyhow::Result<ServiceSpec> {
    let temporal = wiring
        .temporal()
        .context("a runner needs Temporal: this stack has none")?;
    let gateway = wiring
        .gateway()
        .context("a runner needs the gateway, which is not ready")?;
    let server = wiring
        .server()
        .context("a runner needs the shared server, which is not ready")?;
    let command = Command::default()
        .inherit(Inherit::Traced)
        .env("STIGMER_BACKEND_ENDPOINT", server)
        .env("TEMPORAL_ADDRESS", temporal)
        .env("TEMPORAL_NAMESPACE", NAMESPACE)
        .env("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE", TASK_QUEUE)
        .env("STIGMER_LLM_BASE_URL", gateway)
        .env("STIGMER_LLM_MODEL", &wiring.runner_model.name)
        .env("STIGMER_LLM_MAX_TOKENS", wiring.max_tokens.to_string())
        // It says there who it is, so that the health check means this runner and no dead one.
        .env("STIGMER_ANNOUNCE_FILE", place.scratch("identity"))
        .env("LOG_LEVEL", "info");
    let command = match place {
        Place::Process { .. } => command,
        Place::Container => command.env("STIGMER_WORK_DIR", "/work"),
    };
    let spec = ServiceSpec {
        command: without_proxies(command, place),
        health: Health::Asked(WAITS.map(str::to_owned).into()),
        limit,
        container: ContainerNeeds {
            program: "agent-runner",
            scratch: &["/tmp", "/work"],
            memory: "512m",
            init: true, // what an agent's MCP servers leave behind is reaped
            ..ContainerNeeds::default()
        },
        described: None,
    };
    let model = wiring.runner_model.key.as_deref();
    Ok(spec
        .with_secret(place, "STIGMER_RUNNER_KEY", wiring.runner_key.as_deref())
        .with_secret(place, "STIGMER_LLM_API_KEY", model))
}
