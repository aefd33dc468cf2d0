//! The control address: tests start, stop and kill instances of their own. JSON lines, as `docs/stack.md` says.

use super::compose::private;
use super::file::ControlAt;
use super::members;
use super::native::Native;
use super::parts::Parts;
use crate::images::Part;
use crate::random;
use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// One request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, tag = "op", rename_all = "lowercase")]
enum Op {
    Start {
        token: String,
        service: String,
        #[serde(default)]
        env: BTreeMap<String, String>,
    },
    Stop {
        token: String,
        instance: String,
    },
    Kill {
        token: String,
        instance: String,
    },
    Restart {
        token: String,
        instance: String,
    },
}

impl Op {
    fn token(&self) -> &str {
        match self {
            Self::Start { token, .. }
            | Self::Stop { token, .. }
            | Self::Kill { token, .. }
            | Self::Restart { token, .. } => token,
        }
    }
}

/// A control server; it ends when this is dropped.
#[derive(Debug)]
pub struct Control {
    /// For `stack.json`.
    pub at: ControlAt,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves the control address of a stack.
///
/// # Errors
/// When no loopback port can be bound.
pub async fn serve(stack: Arc<Native>, parts: Arc<Parts>) -> anyhow::Result<Control> {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .context("bind the control address")?;
    let (address, token) = (
        listener
            .local_addr()
            .context("read the control address")?
            .to_string(),
        random::secret()?,
    );
    stack.run.keep_secret(&token);
    let at = ControlAt {
        address,
        token: token.clone(),
    };
    let task = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        // A connection that fails concerns its test only.
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(converse(
                stream,
                token.clone(),
                stack.clone(),
                parts.clone(),
            ));
        }
    });
    Ok(Control { at, task })
}

async fn converse(stream: TcpStream, token: String, stack: Arc<Native>, parts: Arc<Parts>) {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = match answer(&line, &token, &stack, &parts).await {
            Ok(value) => json!({ "ok": value }),
            Err(error) => json!({ "error": stack.run.redact(&format!("{error:#}")) }),
        };
        if writing
            .write_all(format!("{answer}\n").as_bytes())
            .await
            .is_err()
        {
            return;
        }
    }
}

async fn answer(line: &str, token: &str, stack: &Native, parts: &Parts) -> anyhow::Result<Value> {
    let op: Op = serde_json::from_str(line).context("not a request (docs/stack.md lists them)")?;
    if op.token() != token {
        bail!("wrong token: it is in stack.json");
    }
    match op {
        Op::Start { service, env, .. } => {
            let (instance, env) = (
                parts.next_name(&service),
                env.into_iter().collect::<Vec<_>>(),
            );
            let part = match service.as_str() {
                "server" => Part::Server,
                _ => Part::Runner,
            };
            match service.as_str() {
                "server" | "runner" if stack.containers().is_some() => {
                    let endpoint = private::start(stack, parts, &instance, part, &env)
                        .await?
                        .map(|address| format!("http://{address}"));
                    Ok(json!({ "instance": instance, "endpoint": endpoint }))
                }
                "server" => {
                    let endpoint = members::start_server(stack, parts, &instance, &env).await?;
                    Ok(json!({ "instance": instance, "endpoint": endpoint }))
                }
                "runner" => {
                    let server = parts
                        .shared_server()
                        .context("the shared server is not ready")?;
                    members::start_runner(stack, parts, &instance, &server, &env).await?;
                    Ok(json!({ "instance": instance, "endpoint": null }))
                }
                other => bail!("cannot start a {other}: instances are made of server and runner"),
            }
        }
        Op::Stop { instance, .. } => end(stack, &instance, true).await,
        Op::Kill { instance, .. } => end(stack, &instance, false).await,
        Op::Restart { instance, .. } => {
            private(&instance)?;
            let endpoint = stack
                .restart(&instance)
                .await?
                .map(|address| format!("http://{address}"));
            Ok(json!({ "instance": instance, "endpoint": endpoint }))
        }
    }
}

async fn end(stack: &Native, instance: &str, gently: bool) -> anyhow::Result<Value> {
    private(instance)?;
    let exit = stack.end(instance, gently).await?;
    Ok(json!({ "code": exit.code, "signal": exit.signal }))
}

/// Only instances that a test started may be hurt.
fn private(instance: &str) -> anyhow::Result<()> {
    if instance
        .rsplit('-')
        .next()
        .is_some_and(|number| number.parse::<usize>().is_ok())
    {
        return Ok(());
    }
    bail!("{instance} is shared by all tests: start one of your own")
}
