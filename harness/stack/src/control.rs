//! The control address: tests start, stop and kill instances of their own. JSON lines, as `docs/stack.md` says.

use crate::file::ControlEndpoint;
use crate::stack::{Owner, Stack};
use crate::start;
use crate::wiring::Wiring;
use anyhow::{Context, bail};
use harness_base::random;
use harness_provision::Binary;
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
    pub at: ControlEndpoint,
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
pub async fn serve(stack: Arc<Stack>, wiring: Arc<Wiring>) -> anyhow::Result<Control> {
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
    stack.context.run.keep_secret(&token);
    let at = ControlEndpoint {
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
                wiring.clone(),
            ));
        }
    });
    Ok(Control { at, task })
}

async fn converse(stream: TcpStream, token: String, stack: Arc<Stack>, wiring: Arc<Wiring>) {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = match answer(&line, &token, &stack, &wiring).await {
            Ok(value) => json!({ "ok": value }),
            Err(error) => json!({ "error": stack.context.run.redact(&format!("{error:#}")) }),
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

async fn answer(line: &str, token: &str, stack: &Stack, wiring: &Wiring) -> anyhow::Result<Value> {
    let op: Op = serde_json::from_str(line).context("not a request (docs/stack.md lists them)")?;
    if op.token() != token {
        bail!("wrong token: it is in stack.json");
    }
    match op {
        Op::Start { service, env, .. } => {
            let (instance, env) = (
                wiring.next_name(&service),
                env.into_iter().collect::<Vec<_>>(),
            );
            let binary = match service.as_str() {
                "server" => Binary::Server,
                "runner" => Binary::Runner,
                other => bail!("cannot start a {other}: instances are made of server and runner"),
            };
            let address =
                start::service(stack, wiring, binary, &instance, Owner::Test, &env).await?;
            Ok(json!({ "instance": instance, "endpoint": address.map(http) }))
        }
        Op::Stop { instance, .. } => end(stack, &instance, true).await,
        Op::Kill { instance, .. } => end(stack, &instance, false).await,
        Op::Restart { instance, .. } => {
            stack.is_tests_own(&instance)?;
            let address = stack.restart(&instance).await?;
            Ok(json!({ "instance": instance, "endpoint": address.map(http) }))
        }
    }
}

async fn end(stack: &Stack, instance: &str, gently: bool) -> anyhow::Result<Value> {
    stack.is_tests_own(instance)?;
    let exit = stack.end(instance, gently).await?;
    Ok(json!({ "code": exit.code, "signal": exit.signal }))
}

fn http(address: String) -> String {
    format!("http://{address}")
}
