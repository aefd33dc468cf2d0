//! The services' command lines, as `docs/stack.md` says them.

use crate::process::Command;
use std::path::Path;

/// Temporal's namespace; the dev server makes it.
pub const NAMESPACE: &str = "default";
/// The queue that the server hands executions to and the runner polls.
pub const TASK_QUEUE: &str = "agent_execution_runner";

/// Where a server finds the rest of its stack.
#[derive(Clone, Debug)]
pub struct ServerAt<'a> {
    /// Its database file.
    pub db: &'a Path,
    /// Where it writes its address.
    pub announce: &'a Path,
    /// `HOST:PORT`; `None` in phase 1.
    pub temporal: Option<&'a str>,
    /// What a runner has to show to be told secrets.
    pub runner_key: Option<&'a str>,
}

/// Where a runner finds the rest of its stack.
#[derive(Clone, Debug)]
pub struct RunnerAt<'a> {
    /// `http://HOST:PORT`.
    pub server: &'a str,
    /// `HOST:PORT`.
    pub temporal: &'a str,
    /// Ends in `/v1`.
    pub model_url: &'a str,
    /// The model's name.
    pub model_name: &'a str,
    /// The model's key.
    pub model_key: Option<&'a str>,
    /// What it shows to be told secrets.
    pub runner_key: Option<&'a str>,
    /// Longest answer in tokens.
    pub max_tokens: u32,
    /// Where it says who it is, so that the health check means this runner and no dead one.
    pub announce: &'a Path,
}

/// `stigmer-server`.
pub fn server(bin: &Path, at: &ServerAt<'_>) -> Command {
    let command = Command::new(bin)
        .env("GRPC_HOST", "127.0.0.1")
        .env("GRPC_PORT", "0")
        .env("DB_PATH", at.db.to_string_lossy())
        .env("STIGMER_ANNOUNCE_FILE", at.announce.to_string_lossy())
        .env("TEMPORAL_NAMESPACE", NAMESPACE)
        .env("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE", TASK_QUEUE)
        .env("LOG_LEVEL", "info");
    let command = secret(command, "STIGMER_RUNNER_KEY", at.runner_key);
    match at.temporal {
        Some(address) => command.env("TEMPORAL_ADDRESS", address),
        None => command.unset("TEMPORAL_ADDRESS"),
    }
}

/// Asks a server, a gateway or tools whether they serve.
pub fn address_health(bin: &Path, address: &str) -> Command {
    Command::new(bin).args(["healthcheck", "--address", address])
}

/// `agent-runner`.
pub fn runner(bin: &Path, at: &RunnerAt<'_>) -> Command {
    let command = Command::new(bin)
        .env("STIGMER_BACKEND_ENDPOINT", at.server)
        .env("TEMPORAL_ADDRESS", at.temporal)
        .env("TEMPORAL_NAMESPACE", NAMESPACE)
        .env("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE", TASK_QUEUE)
        .env("STIGMER_LLM_BASE_URL", at.model_url)
        .env("STIGMER_LLM_MODEL", at.model_name)
        .env("STIGMER_LLM_MAX_TOKENS", at.max_tokens.to_string())
        .env("STIGMER_ANNOUNCE_FILE", at.announce.to_string_lossy())
        .env("LOG_LEVEL", "info");
    let command = secret(command, "STIGMER_RUNNER_KEY", at.runner_key);
    secret(command, "STIGMER_LLM_API_KEY", at.model_key)
}

/// A secret, or none: what this process has by chance is nobody's.
fn secret(command: Command, name: &str, value: Option<&str>) -> Command {
    match value {
        Some(value) => command.secret(name, value),
        None => command.unset(name),
    }
}

/// What a gateway is told.
#[derive(Clone, Debug)]
pub struct GatewayAt<'a> {
    /// The model, which ends in `/v1`; `None` where there is none.
    pub upstream: Option<&'a str>,
    /// `replay`, `record` or `live`.
    pub mode: &'a str,
    /// One JSON line for each exchange.
    pub exchanges: &'a Path,
    /// Where it writes its address.
    pub announce: &'a Path,
}

/// `model-gateway`.
pub fn gateway(bin: &Path, at: &GatewayAt<'_>) -> Command {
    let command = Command::new(bin)
        .args(["serve"])
        .env("GATEWAY_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", "0")
        .env("GATEWAY_MODE", at.mode)
        .env("GATEWAY_EXCHANGES", at.exchanges.to_string_lossy())
        .env("STIGMER_ANNOUNCE_FILE", at.announce.to_string_lossy())
        .env("LOG_LEVEL", "info");
    match at.upstream {
        Some(url) => command.env("GATEWAY_UPSTREAM", url),
        None => command.unset("GATEWAY_UPSTREAM"),
    }
}

/// `mcp-probe`.
pub fn tools(bin: &Path, announce: &Path) -> Command {
    Command::new(bin)
        .args(["http"])
        .env("MCP_PROBE_HOST", "127.0.0.1")
        .env("MCP_PROBE_PORT", "0")
        .env("STIGMER_ANNOUNCE_FILE", announce.to_string_lossy())
        .env("LOG_LEVEL", "info")
}

/// A runner's health check asks until it is ready: it connects to Temporal, and a process for each question costs more,
/// the most in a container. Shorter than an answer may take.
pub const RUNNER_WAITS: [&str; 2] = ["--wait", "3"];

/// Asks whether the runner of this environment polls its queue.
pub fn runner_health(runner: &Command) -> Command {
    runner.clone().args(["healthcheck"]).args(RUNNER_WAITS)
}

/// Asks whether the model answers the runner's own client.
pub fn model_health(runner: &Command) -> Command {
    runner.clone().args(["healthcheck", "--model"])
}

/// What the embedded model is told.
#[derive(Clone, Debug)]
pub struct EmbeddedAt<'a> {
    /// The script that serves it.
    pub script: &'a Path,
    /// Folder of the Python package.
    pub library: &'a Path,
    /// The weights.
    pub weights: &'a Path,
    /// Its name towards the runner.
    pub alias: &'a str,
    /// Port on 127.0.0.1.
    pub port: u16,
    /// Context in tokens.
    pub context: u32,
    /// Slots.
    pub parallel: u32,
    /// Threads; as many as there are processors.
    pub threads: usize,
    /// Its API key.
    pub key: &'a str,
}

/// The embedded model.
pub fn embedded(python: &Path, at: &EmbeddedAt<'_>) -> Command {
    let path = |path: &Path| path.to_string_lossy().into_owned();
    Command::new(python)
        .args([
            "-B".to_owned(),
            path(at.script),
            "--model".into(),
            path(at.weights),
        ])
        .args(["--alias", at.alias, "--port", &at.port.to_string()])
        .args([
            "--context".to_owned(),
            at.context.to_string(),
            "--parallel".into(),
            at.parallel.to_string(),
        ])
        .args(["--threads".to_owned(), at.threads.to_string()])
        .env("PYTHONPATH", path(at.library))
        .secret("E2E_MODEL_KEY", at.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let path = Path::new;
        let at = ServerAt {
            db: path("/d/db"),
            announce: path("/d/at"),
            temporal: None,
            runner_key: Some("secret-key"),
        };
        insta::assert_snapshot!(server(path("/b/stigmer-server"), &at).echo());
        let at = RunnerAt {
            server: "http://127.0.0.1:1",
            temporal: "127.0.0.1:2",
            model_url: "http://127.0.0.1:3/v1",
            model_name: "m",
            model_key: Some("secret-key"),
            runner_key: Some("secret-key"),
            max_tokens: 48,
            announce: path("/d/who"),
        };
        insta::assert_snapshot!(model_health(&runner(path("/b/agent-runner"), &at)).echo());
        let at = EmbeddedAt {
            script: path("/d/m.py"),
            library: path("/t/llama"),
            weights: path("/t/w"),
            alias: "m",
            port: 3,
            context: 8,
            parallel: 4,
            threads: 2,
            key: "secret-key",
        };
        insta::assert_snapshot!(embedded(path("python3"), &at).echo());
    }

    #[test]
    fn command_lines_of_what_stands_beside() {
        let path = Path::new;
        let at = GatewayAt {
            upstream: Some("http://127.0.0.1:3/v1"),
            mode: "replay",
            exchanges: path("/l/exchanges.jsonl"),
            announce: path("/d/at"),
        };
        insta::assert_snapshot!(gateway(path("/b/model-gateway"), &at).echo(), @"GATEWAY_HOST=127.0.0.1 GATEWAY_PORT=0 GATEWAY_MODE=replay GATEWAY_EXCHANGES=/l/exchanges.jsonl STIGMER_ANNOUNCE_FILE=/d/at LOG_LEVEL=info GATEWAY_UPSTREAM=http://127.0.0.1:3/v1 /b/model-gateway serve");
        insta::assert_snapshot!(tools(path("/b/mcp-probe"), path("/d/at")).echo(), @"MCP_PROBE_HOST=127.0.0.1 MCP_PROBE_PORT=0 STIGMER_ANNOUNCE_FILE=/d/at LOG_LEVEL=info /b/mcp-probe http");
    }
}
