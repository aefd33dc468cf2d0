//! The control address: services of a test's own, to hurt (`docs/stack.md`).

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::trail;

/// A connection to the control address.
#[derive(Debug)]
pub struct Control {
    stream: BufReader<TcpStream>,
    token: String,
}

/// A service of a test's own; it ends with the run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Its name, e.g. `server-2`.
    pub instance: String,
    /// Its URL, where it has one.
    pub endpoint: Option<String>,
}

impl Instance {
    /// Its URL.
    ///
    /// # Errors
    /// When it has none.
    pub fn url(&self) -> Result<&str> {
        self.endpoint
            .as_deref()
            .with_context(|| format!("{} has no address", self.instance))
    }
}

/// How an instance ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Ok(Value),
    Error(String),
}

impl Control {
    pub(crate) async fn connect(address: &str, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.with_context(|| format!("the control address {address}"))?;
        Ok(Self {
            stream: BufReader::new(stream),
            token: token.to_owned(),
        })
    }

    /// Starts a `server` or `runner` with data of its own; `env` is added to what the shared one
    /// has. Answers when it is ready.
    ///
    /// # Errors
    /// When it does not get ready: with the end of its log.
    pub async fn start(&mut self, service: &str, env: &[(&str, &str)]) -> Result<Instance> {
        let env: BTreeMap<_, _> = env.iter().copied().collect();
        let request = json!({ "op": "start", "service": service, "env": env });
        let started: Instance = self.ask(request).await?;
        trail::instance(&started.instance, started.endpoint.as_deref());
        Ok(started)
    }

    /// The same with a network of its own: [`Control::cut`] and [`Control::slow`] work on it. Not on the ways to what an agent
    /// names itself, its MCP servers.
    ///
    /// # Errors
    /// When it does not get ready: with the end of its log.
    pub async fn start_networked(
        &mut self,
        service: &str,
        env: &[(&str, &str)],
    ) -> Result<Instance> {
        let env: BTreeMap<_, _> = env.iter().copied().collect();
        self.ask(json!({ "op": "start", "service": service, "env": env, "network": true }))
            .await
    }

    /// A server whose disk can be filled: [`Control::fill`]. In containers what it stores does not outlive it.
    ///
    /// # Errors
    /// When it does not get ready: with the end of its log.
    pub async fn start_on_small_disk(&mut self) -> Result<Instance> {
        self.ask(json!({ "op": "start", "service": "server", "disk": true }))
            .await
    }

    /// Holds an instance where it is: it neither answers nor ends.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn pause(&mut self, instance: &Instance) -> Result<()> {
        self.tell("pause", instance).await
    }

    /// Lets a paused instance go on.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn resume(&mut self, instance: &Instance) -> Result<()> {
        self.tell("resume", instance).await
    }

    /// Nothing passes from and to an instance with a network of its own, and nobody hears of it.
    ///
    /// # Errors
    /// When it has none.
    pub async fn cut(&mut self, instance: &Instance) -> Result<()> {
        self.tell("cut", instance).await
    }

    /// Everything passes again, what was sent meanwhile first.
    ///
    /// # Errors
    /// When it has no network of its own.
    pub async fn heal(&mut self, instance: &Instance) -> Result<()> {
        self.tell("heal", instance).await
    }

    /// Each piece from and to an instance takes so many milliseconds.
    ///
    /// # Errors
    /// When it has no network of its own.
    pub async fn slow(&mut self, instance: &Instance, ms: u64) -> Result<()> {
        let request = json!({ "op": "slow", "instance": instance.instance, "ms": ms });
        self.ask::<Value>(request).await.map(drop)
    }

    /// Leaves a server no room for its data.
    ///
    /// # Errors
    /// When it does not run, or has no small disk.
    pub async fn fill(&mut self, instance: &Instance) -> Result<()> {
        self.tell("fill", instance).await
    }

    /// Gives a server its room back.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn free(&mut self, instance: &Instance) -> Result<()> {
        self.tell("free", instance).await
    }

    async fn tell(&mut self, op: &str, instance: &Instance) -> Result<()> {
        let request = json!({ "op": op, "instance": instance.instance });
        self.ask::<Value>(request).await.map(drop)
    }

    /// Stops an instance by SIGTERM and waits for its end.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn stop(&mut self, instance: &Instance) -> Result<Ended> {
        self.ask(json!({ "op": "stop", "instance": instance.instance }))
            .await
    }

    /// Kills an instance by SIGKILL.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill(&mut self, instance: &Instance) -> Result<Ended> {
        self.ask(json!({ "op": "kill", "instance": instance.instance }))
            .await
    }

    /// Starts a stopped or killed instance again on its data; its address may differ.
    ///
    /// # Errors
    /// When it runs, or does not get ready.
    pub async fn restart(&mut self, instance: &Instance) -> Result<Instance> {
        self.ask(json!({ "op": "restart", "instance": instance.instance }))
            .await
    }

    /// A way to `to` (`HOST:PORT`) that can be closed; its endpoint is `HOST:PORT` too. It ends with the run.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn relay(&mut self, to: &str) -> Result<Instance> {
        self.ask(json!({ "op": "relay", "to": to })).await
    }

    /// Lets clients of a relay through again.
    ///
    /// # Errors
    /// When it is none.
    pub async fn open(&mut self, relay: &Instance) -> Result<()> {
        let request = json!({ "op": "open", "instance": relay.instance });
        self.ask::<Value>(request).await.map(drop)
    }

    /// Turns clients of a relay away, and cuts those that are through.
    ///
    /// # Errors
    /// When it is none.
    pub async fn close(&mut self, relay: &Instance) -> Result<()> {
        let request = json!({ "op": "close", "instance": relay.instance });
        self.ask::<Value>(request).await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(&mut self, mut request: Value) -> Result<T> {
        request["token"] = Value::String(self.token.clone());
        let line = format!("{request}\n");
        self.stream.write_all(line.as_bytes()).await?;
        let mut answer = String::new();
        self.stream.read_line(&mut answer).await?;
        match serde_json::from_str(&answer).with_context(|| format!("control said {answer:?}"))? {
            Answer::Ok(value) => Ok(serde_json::from_value(value)?),
            Answer::Error(why) => bail!("to {}: {why}", request["op"].as_str().unwrap_or("ask")),
        }
    }
}

/// A server and a runner of a test's own, on task queue `queue`; `env` is the runner's.
///
/// # Errors
/// When one of them does not get ready.
pub async fn own_pair(
    control: &mut Control,
    queue: &str,
    env: &[(&str, &str)],
) -> Result<(Instance, Instance)> {
    const QUEUE: &str = "TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE";
    let server = control.start("server", &[(QUEUE, queue)]).await?;
    let own = [(QUEUE, queue), ("STIGMER_BACKEND_ENDPOINT", server.url()?)];
    let runner = control.start("runner", &[&own, env].concat()).await?;
    Ok((server, runner))
}
