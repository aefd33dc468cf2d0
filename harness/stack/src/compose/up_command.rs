//! `compose up` with everything that `compose.yaml` leaves open.

use super::containers::Containers;
use crate::service::KEYS;
use crate::stack::Stack;
use crate::start;
use crate::wiring::Wiring;
use harness_base::Command;
use harness_provision::Binary;

/// Between Docker's own questions. It is xtask that waits for readiness; five processes a second would only take time
/// from the tests.
const HEALTH_INTERVAL: &str = "30s";

const MODEL_KEY_FILE: &str = "STIGMER_LLM_API_KEY_FILE";

/// The services of `compose.yaml` that are ours; others stand beside them.
pub(super) fn ours(stack: &Stack) -> impl Iterator<Item = (&'static str, Binary)> {
    let is_ours = |binary: Binary| binary.guest(&stack.context.config).is_none();
    start::OURS.into_iter().filter(move |(_, it)| is_ours(*it))
}

/// The command; `upstream` is the model's address as containers see it.
pub(super) fn command(
    stack: &Stack,
    containers: &Containers,
    wiring: &Wiring,
    upstream: Option<&str>,
) -> Command {
    let root = &stack.context.run.root;
    let mut command = containers.compose.up(root, &containers.project);
    if ours(stack).count() < start::OURS.len() {
        let names = ours(stack).map(|(name, _)| name);
        command = command.args(names.chain(["temporal"]));
    }
    for (name, port) in [
        ("E2E_PORT_SERVER", wiring.ports.server),
        ("E2E_PORT_TEMPORAL", wiring.ports.temporal),
    ] {
        let port = port.map_or_else(String::new, |port| port.to_string());
        command = command.env(name, port);
    }
    for image in &containers.images {
        command = command.env(image.component.variable(), &image.reference);
    }
    let [_, (_, checkout), (_, owner)] = &containers.labels;
    let model = &wiring.runner_model;
    command = command
        .env("E2E_CHECKOUT", checkout)
        .env("E2E_OWNER", owner)
        .env("E2E_NETWORK", &containers.project)
        .env("E2E_HEALTH_INTERVAL", HEALTH_INTERVAL)
        .env("E2E_GATEWAY_MODE", wiring.gateway_mode.to_string())
        .env("E2E_MODEL_NAME", &model.name)
        .env("E2E_MODEL_MAX_TOKENS", wiring.max_tokens.to_string())
        .unset("COMPOSE_PROFILES"); // the user's are for other projects
    // Not set means that there is none; what this process has by chance is not meant.
    let command = match &model.key {
        Some(_) => command.env(MODEL_KEY_FILE, format!("{KEYS}/STIGMER_LLM_API_KEY")),
        None => command.unset(MODEL_KEY_FILE),
    };
    // A model elsewhere is asked as the user's client would ask it, one that was led to without a proxy.
    let led = upstream.is_none() || upstream != wiring.upstream.as_deref();
    let near = if led { "*" } else { "localhost,127.0.0.1" };
    let command = command.env("E2E_GATEWAY_NO_PROXY", near);
    match upstream {
        Some(url) => command.env("GATEWAY_UPSTREAM", url),
        None => command.unset("GATEWAY_UPSTREAM"),
    }
}
