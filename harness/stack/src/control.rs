//! The control address: tests start, stop and kill instances of their own, and open and close ways to services. JSON lines,
//! as `docs/stack.md` says.

use crate::file::ControlEndpoint;
use crate::member::Owner;
use crate::network::Network;
use crate::relay::{Peers, Relay, Traffic};
use crate::stack::Stack;
use crate::start::{self, Own};
use crate::wiring::Wiring;
use anyhow::{Context, bail};
use harness_base::random;
use harness_provision::Binary;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What is wanted; each request has a `token` too.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, tag = "op", rename_all = "lowercase")]
enum Op {
    Start {
        service: String,
        #[serde(default)]
        env: BTreeMap<String, String>,
        /// It has a network of its own.
        #[serde(default)]
        network: bool,
        /// Its data is on a disk that can be filled.
        #[serde(default)]
        disk: bool,
    },
    Pause {
        instance: String,
    },
    Resume {
        instance: String,
    },
    Cut {
        instance: String,
    },
    Heal {
        instance: String,
    },
    Slow {
        instance: String,
        ms: u64,
    },
    Fill {
        instance: String,
    },
    Free {
        instance: String,
    },
    Stop {
        instance: String,
    },
    Kill {
        instance: String,
    },
    Restart {
        instance: String,
    },
    Relay {
        to: String,
    },
    Open {
        instance: String,
    },
    Close {
        instance: String,
    },
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

/// What a request may use.
#[derive(Debug)]
struct Desk {
    stack: Arc<Stack>,
    wiring: Arc<Wiring>,
    token: String,
    relays: Mutex<BTreeMap<String, Relay>>,
    networks: tokio::sync::Mutex<BTreeMap<String, Network>>,
}

/// Serves the control address of a stack.
///
/// # Errors
/// When no loopback port can be bound.
pub async fn serve(stack: Arc<Stack>, wiring: Arc<Wiring>) -> anyhow::Result<Control> {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .context("bind the control address")?;
    let address = listener.local_addr().context("read the control address")?;
    let token = random::secret()?;
    stack.context.run.keep_secret(&token);
    let at = ControlEndpoint {
        address: address.to_string(),
        token: token.clone(),
    };
    let desk = Arc::new(Desk {
        stack,
        wiring,
        token,
        relays: Mutex::default(),
        networks: tokio::sync::Mutex::default(),
    });
    let task = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        // A connection that fails concerns its test only.
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(converse(stream, desk.clone()));
        }
    });
    Ok(Control { at, task })
}

async fn converse(stream: TcpStream, desk: Arc<Desk>) {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = match desk.answer(&line).await {
            Ok(value) => json!({ "ok": value }),
            Err(error) => {
                json!({ "error": desk.stack.context.run.redact(&format!("{error:#}")) })
            }
        };
        let line = format!("{answer}\n");
        if writing.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}

impl Desk {
    async fn answer(&self, line: &str) -> anyhow::Result<Value> {
        const UNKNOWN: &str = "not a request (docs/stack.md lists them)";
        let mut request: Value = serde_json::from_str(line).context(UNKNOWN)?;
        let token = request.as_object_mut().and_then(|it| it.remove("token"));
        if token.as_ref().and_then(Value::as_str) != Some(&self.token) {
            bail!("wrong token: it is in stack.json");
        }
        let op: Op = serde_json::from_value(request).context(UNKNOWN)?;
        let stack = &self.stack;
        match op {
            Op::Start {
                service,
                env,
                network,
                disk,
            } => self.start(&service, env, network, disk).await,
            Op::Pause { instance } => self.pause(&instance, true).await,
            Op::Resume { instance } => self.pause(&instance, false).await,
            Op::Cut { instance } => self.network(&instance, |it| it.cut(true)).await,
            Op::Heal { instance } => self.network(&instance, |it| it.cut(false)).await,
            Op::Slow { instance, ms } => {
                let delay = Duration::from_millis(ms);
                self.network(&instance, |it| it.slow(delay)).await
            }
            Op::Fill { instance } => self.fill(&instance, true).await,
            Op::Free { instance } => self.fill(&instance, false).await,
            Op::Stop { instance } => self.end(&instance, true).await,
            Op::Kill { instance } => self.end(&instance, false).await,
            Op::Restart { instance } => {
                stack.is_tests_own(&instance)?;
                let mut at = stack.restart(&instance).await?;
                if let (Some(network), Some(to)) =
                    (self.networks.lock().await.get_mut(&instance), &mut at)
                {
                    *to = network.lead_in(to.clone()).await?;
                }
                Ok(json!({ "instance": instance, "endpoint": at.map(http) }))
            }
            Op::Relay { to } => {
                let any = SocketAddr::from(([127, 0, 0, 1], 0));
                let relay = Relay::listen(any, to, Peers::All).await?;
                let (name, at) = (self.wiring.next_name("relay"), relay.address.to_string());
                self.relays().insert(name.clone(), relay);
                Ok(json!({ "instance": name, "endpoint": at }))
            }
            Op::Open { instance } => self.set(&instance, Traffic::Open),
            Op::Close { instance } => self.set(&instance, Traffic::Closed),
        }
    }

    async fn start(
        &self,
        service: &str,
        env: BTreeMap<String, String>,
        network: bool,
        disk: bool,
    ) -> anyhow::Result<Value> {
        let binary = match service {
            "server" => Binary::Server,
            "runner" => Binary::Runner,
            other => bail!("cannot start a {other}: instances are made of server and runner"),
        };
        let (stack, wiring) = (&self.stack, &self.wiring);
        let name = wiring.next_name(service);
        let mut env: Vec<_> = env.into_iter().collect();
        let mut ways = match network {
            true => Some(Network::around(binary, wiring, stack.containers(), &mut env).await?),
            false => None,
        };
        let own = Own {
            env: &env,
            small_disk: disk,
        };
        let mut at = start::service(stack, wiring, binary, &name, Owner::Test, own).await?;
        if let (Some(ways), Some(to)) = (&mut ways, &mut at) {
            *to = ways.lead_in(to.clone()).await?;
        }
        if let Some(ways) = ways {
            self.networks.lock().await.insert(name.clone(), ways);
        }
        Ok(json!({ "instance": name, "endpoint": at.map(http) }))
    }

    async fn pause(&self, instance: &str, paused: bool) -> anyhow::Result<Value> {
        self.stack.is_tests_own(instance)?;
        self.stack.pause(instance, paused).await?;
        Ok(json!({}))
    }

    async fn fill(&self, instance: &str, full: bool) -> anyhow::Result<Value> {
        self.stack.is_tests_own(instance)?;
        self.stack.fill_disk(instance, full).await?;
        Ok(json!({}))
    }

    async fn network(&self, instance: &str, change: impl Fn(&Network)) -> anyhow::Result<Value> {
        let networks = self.networks.lock().await;
        let network = networks.get(instance);
        change(
            network.with_context(|| {
                format!("{instance} has no network of its own: start it with one")
            })?,
        );
        Ok(json!({}))
    }

    async fn end(&self, instance: &str, gently: bool) -> anyhow::Result<Value> {
        self.stack.is_tests_own(instance)?;
        let exit = self.stack.end(instance, gently).await?;
        Ok(json!({ "code": exit.code, "signal": exit.signal }))
    }

    fn relays(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Relay>> {
        self.relays.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, instance: &str, traffic: Traffic) -> anyhow::Result<Value> {
        let relays = self.relays();
        let relay = relays.get(instance);
        relay
            .with_context(|| format!("no relay named {instance}"))?
            .set(traffic);
        Ok(json!({}))
    }
}

fn http(address: String) -> String {
    format!("http://{address}")
}
