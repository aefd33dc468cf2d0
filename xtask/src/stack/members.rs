//! Who belongs to a stack, and how each finds the others.

use super::native::Native;
use super::parts::Parts;
use super::ready::Ready;
use super::{services, temporal};
use crate::model::{Kind, Model};
use crate::random;
use anyhow::Context;
use std::path::{Path, PathBuf};
use std::time::Duration;

const MODEL_SCRIPT: &str = include_str!("embedded_model.py");

/// Temporal's dev server at a leased port.
///
/// # Errors
/// As [`Native::start`].
pub async fn start_temporal(stack: &Native, bin: &Path, address: &str) -> anyhow::Result<()> {
    let home = stack.dir.join("data/temporal");
    std::fs::create_dir_all(&home).context("make Temporal's folder")?;
    let port = address
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .context("Temporal's address has no port")?;
    let ready = Ready::Asked(temporal::health(bin, address, &home));
    stack
        .start(
            "temporal",
            temporal::serve(bin, port, &home),
            ready,
            stack.config.services.temporal.ready_limit(),
        )
        .await?;
    Ok(())
}

/// The embedded model; its address and key are in `model` already.
///
/// # Errors
/// As [`Native::start`].
pub async fn start_model(
    stack: &Native,
    files: &ModelFiles,
    model: &Model,
    port: u16,
) -> anyhow::Result<()> {
    let script = stack.dir.join("data/embedded_model.py");
    std::fs::write(&script, MODEL_SCRIPT).context("write the model's script")?;
    let at = services::EmbeddedAt {
        script: &script,
        library: &files.library,
        weights: &files.weights,
        alias: &model.name,
        port,
        context: stack.config.model.context,
        parallel: stack.config.model.parallel,
        // Half of the processors: its threads spin for each other at every step, and one that waits for a processor
        // which the services have makes all others burn theirs.
        threads: std::thread::available_parallelism().map_or(1, |all| all.get().div_ceil(2)),
        key: model.key.as_deref().unwrap_or_default(),
    };
    let url = format!("http://127.0.0.1:{port}/v1/models");
    let ready = Ready::Http {
        url,
        key: model.key.clone(),
    };
    stack
        .start(
            "model",
            services::embedded(&files.python, &at),
            ready,
            stack.config.services.model.ready_limit(),
        )
        .await?;
    Ok(())
}

/// Files of the embedded model.
#[derive(Clone, Debug)]
pub struct ModelFiles {
    /// The interpreter.
    pub python: PathBuf,
    /// Folder of the Python package.
    pub library: PathBuf,
    /// The weights.
    pub weights: PathBuf,
}

/// Gives the embedded model an address and a key of this run.
///
/// # Errors
/// When there is no port or no random bytes.
pub fn place_model(stack: &Native, model: &mut Model) -> anyhow::Result<Option<u16>> {
    if model.kind != Kind::Embedded {
        if let Some(key) = &model.key {
            stack.run.keep_secret(key);
        }
        return Ok(None);
    }
    let (port, key) = (stack.port()?, random::secret()?);
    stack.run.keep_secret(&key);
    model.base_url = Some(format!("http://127.0.0.1:{port}/v1"));
    model.key = Some(key);
    Ok(Some(port))
}

/// The gateway between runners and model; its address, which ends in `/v1`. It takes the model's address as it is told:
/// whether anybody answers there is asked by the live lane's own check.
///
/// # Errors
/// As [`Native::start`].
pub async fn start_gateway(
    stack: &Native,
    parts: &Parts,
    upstream: Option<&str>,
    mode: &str,
) -> anyhow::Result<String> {
    let announce = stack.dir.join("data/gateway.address");
    let at = services::GatewayAt {
        upstream,
        mode,
        exchanges: &stack.dir.join("logs/exchanges.jsonl"),
        announce: &announce,
    };
    let command = services::gateway(&parts.bins.gateway, &at);
    let limit = stack.config.services.gateway.ready_limit();
    let address = announced(stack, "gateway", command, announce, limit).await?;
    Ok(format!("{}/v1", endpoint(address)?))
}

/// The MCP server that tests give to agents; its address, which ends in `/mcp`.
///
/// # Errors
/// As [`Native::start`].
pub async fn start_tools(stack: &Native, parts: &Parts) -> anyhow::Result<String> {
    let announce = stack.dir.join("data/tools.address");
    let command = services::tools(&parts.bins.tools, &announce);
    let limit = stack.config.services.tools.ready_limit();
    let address = announced(stack, "tools", command, announce, limit).await?;
    Ok(format!("{}/mcp", endpoint(address)?))
}

/// Starts one that announces its address and has a health check of its own.
async fn announced(
    stack: &Native,
    instance: &str,
    command: crate::process::Command,
    file: PathBuf,
    limit: Duration,
) -> anyhow::Result<Option<String>> {
    let bin = command.program.clone();
    stack
        .start(instance, command, Ready::Announced { file, bin }, limit)
        .await
}

/// A server, shared (`server`) or private (`server-2`), with a data folder of its own; its `http://HOST:PORT`.
///
/// # Errors
/// As [`Native::start`].
pub async fn start_server(
    stack: &Native,
    parts: &Parts,
    instance: &str,
    env: &[(String, String)],
) -> anyhow::Result<String> {
    let data = stack.dir.join("data").join(instance);
    std::fs::create_dir_all(&data).context("make a server's folder")?;
    let (db, announce) = (data.join("stigmer.redb"), data.join("address"));
    let at = services::ServerAt {
        db: &db,
        announce: &announce,
        temporal: parts.temporal.as_deref(),
        runner_key: parts.runner_key.as_deref(),
    };
    let command = with_env(services::server(&parts.bins.server, &at), env);
    let limit = stack.config.services.server.ready_limit();
    endpoint(announced(stack, instance, command, announce, limit).await?)
}

/// `http://` before what a server announced.
///
/// # Errors
/// When it announced nothing.
pub fn endpoint(announced: Option<String>) -> anyhow::Result<String> {
    announced
        .map(|address| format!("http://{address}"))
        .context("a server is ready but announced no address")
}

/// A runner, shared or private, against a server.
///
/// # Errors
/// As [`Native::start`]; also when the stack has no Temporal or no gateway.
pub async fn start_runner(
    stack: &Native,
    parts: &Parts,
    instance: &str,
    server: &str,
    env: &[(String, String)],
) -> anyhow::Result<()> {
    // What a killed one left would vouch for its successor.
    let announce = stack.dir.join(format!("data/{instance}.identity"));
    let _ = std::fs::remove_file(&announce);
    let at = services::RunnerAt {
        server,
        temporal: parts
            .temporal
            .as_deref()
            .context("a runner needs Temporal: this stack has none")?,
        model_url: parts
            .gateway
            .get()
            .context("a runner needs the gateway: this stack has none")?,
        model_name: &parts.asked.name,
        model_key: parts.asked.key.as_deref(),
        runner_key: parts.runner_key.as_deref(),
        max_tokens: stack.config.model.max_tokens,
        announce: &announce,
    };
    let command = with_env(services::runner(&parts.bins.runner, &at), env);
    let ready = Ready::Asked(services::runner_health(&command));
    stack
        .start(
            instance,
            command,
            ready,
            stack.config.services.runner.ready_limit(),
        )
        .await?;
    Ok(())
}

/// Values that a test adds are shown to nobody: it may be a secret that is under test.
fn with_env(command: crate::process::Command, env: &[(String, String)]) -> crate::process::Command {
    env.iter().fold(command, |command, (name, value)| {
        command.secret(name, value)
    })
}
