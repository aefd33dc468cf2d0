//! Instances of a test's own: containers beside Compose's, with the same image, limits and labels. Addresses of this
//! host's loopback in their environment mean the same inside: a relay that shares the instance's network listens there.

use super::Containers;
use super::container::Container;
use crate::engine::{self, ANSWER, docker};
use crate::exit::Code;
use crate::images::Part;
use crate::process::Command;
use crate::stack::life::Life;
use crate::stack::members::Parts;
use crate::stack::native::{Native, Origin};
use crate::stack::ready::Ready;
use crate::stack::services::{self, NAMESPACE, TASK_QUEUE};
use anyhow::Context;
use std::collections::BTreeSet;
use std::time::Duration;

/// The engine may have to set up a network card and a volume on a disk that compiles.
const START: Duration = Duration::from_secs(60);
/// Where a relay answers for its health, in the network that it shares.
const RELAY_HEALTH: &str = "8079";

/// What a private container is, for its restart.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Its name, also on the network.
    pub name: String,
    /// Server or runner.
    pub part: Part,
    /// Who publishes its port: itself, or the relay whose network it shares.
    pub publisher: String,
}

/// Flags that every private container has; the same as in `compose.yaml`.
fn hardened(containers: &Containers, name: &str) -> Command {
    let mut command = docker(["run", "--detach", "--name", name])
        .args(["--user", "65532:65532", "--read-only", "--cap-drop", "ALL"])
        .args([
            "--security-opt",
            "no-new-privileges:true",
            "--pids-limit",
            "256",
        ])
        .args(["--memory", "512m", "--restart", "no", "--pull", "never"])
        .args(["--log-driver", "json-file", "--log-opt", "max-size=50m"])
        .args(["--tmpfs", "/tmp:uid=65532,gid=65532,mode=0700"]);
    for (label, value) in &containers.labels {
        command = command.args(["--label".to_owned(), format!("{label}={value}")]);
    }
    command
}

/// Ports of this host's loopback that values name.
fn loopback_ports<'a>(values: impl Iterator<Item = &'a str>) -> BTreeSet<u16> {
    let mut found = BTreeSet::new();
    for value in values {
        for (at, text) in value.match_indices("127.0.0.1:") {
            let digits: String = value[at + text.len()..]
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            found.extend(digits.parse::<u16>());
        }
    }
    found
}

/// A relay whose network the instance shares; `None` where its environment names no address of this host.
async fn relay(
    stack: &Native,
    containers: &Containers,
    name: &str,
    env: &[(String, String)],
) -> anyhow::Result<Option<String>> {
    let mut routes = Vec::new();
    for port in loopback_ports(env.iter().map(|(_, value)| value.as_str())) {
        let to = match containers.behind(port) {
            Some(inside) => inside,
            // Nobody listens there, and inside nobody shall: the refusal is what the test wants.
            None if crate::stack::lease::is_free(port) => continue,
            None => containers.host.open(port).await?,
        };
        routes.push(format!("--route=127.0.0.1:{port}={to}"));
    }
    if routes.is_empty() {
        return Ok(None);
    }
    let relay = format!("{name}-way");
    let command = hardened(containers, &relay)
        .args([
            "--network",
            &containers.project,
            "--publish",
            "127.0.0.1::7234",
        ])
        .args(["--add-host", "host.docker.internal:host-gateway"])
        .args([
            "--entrypoint",
            "/model-gateway",
            containers.image(Part::Gateway),
        ])
        .args(["relay", "--port", RELAY_HEALTH])
        .args(routes);
    engine::ask(stack.run.own(command), START, Code::NotReady)
        .await
        .context("start a relay")?;
    Ok(Some(relay))
}

/// Starts a private server or runner; a server's `127.0.0.1:PORT`.
///
/// # Errors
/// As [`Native::start`].
pub async fn start(
    stack: &Native,
    parts: &Parts,
    instance: &str,
    part: Part,
    env: &[(String, String)],
) -> anyhow::Result<Option<String>> {
    let containers = stack.containers().context("this stack has no containers")?;
    let name = format!("{}-{instance}", containers.project);
    let relay = relay(stack, containers, &name, env).await?;
    let mut command = hardened(containers, &name);
    command = match &relay {
        Some(relay) => command.args(["--network".to_owned(), format!("container:{relay}")]),
        None => {
            let command = command.args(["--network", &containers.project]);
            if part == Part::Server {
                command.args(["--publish", "127.0.0.1::7234"])
            } else {
                command
            }
        }
    };
    let base = if part == Part::Server {
        let volume = format!("type=volume,source={name},destination=/data");
        let mut create = docker(["volume", "create"]);
        for (label, value) in &containers.labels {
            create = create.args(["--label".to_owned(), format!("{label}={value}")]);
        }
        engine::ask(create.args([&name]), ANSWER, Code::NotReady).await?;
        command = command.args(["--mount", &volume]);
        server_env()
    } else {
        runner_env(stack, parts)?
    };
    // By name only: the values are in the client's environment, where nobody sees them.
    for (key, value) in base.iter().chain(env) {
        command = command.args(["--env", key]).secret(key, value);
    }
    let entry = format!("/{}", part.binary());
    command = command.args(["--entrypoint", &entry, containers.image(part)]);
    engine::ask(stack.run.own(command), START, Code::NotReady)
        .await
        .with_context(|| format!("start {instance}"))?;
    let publisher = relay.unwrap_or_else(|| name.clone());
    let spec = Spec {
        name,
        part,
        publisher,
    };
    watch(stack, instance, spec, false).await
}

/// Starts an ended one again, on the same data.
///
/// # Errors
/// As [`start`].
pub async fn restart(stack: &Native, instance: &str, spec: Spec) -> anyhow::Result<Option<String>> {
    engine::ask(docker(["start", &spec.name]), START, Code::NotReady).await?;
    watch(stack, instance, spec, true).await
}

async fn watch(
    stack: &Native,
    instance: &str,
    spec: Spec,
    again: bool,
) -> anyhow::Result<Option<String>> {
    let containers = stack.containers().context("this stack has no containers")?;
    let container = Container::follow(
        &stack.run,
        &spec.name,
        instance,
        &stack.log(instance),
        again,
    )?;
    let services = &stack.config.services;
    let life = Life::Container(container);
    if spec.part == Part::Runner {
        let check = health(&spec.name, Part::Runner);
        let limit = services.runner.ready_limit();
        stack
            .adopt(
                instance,
                life,
                Origin::Container(spec),
                Ready::Asked(check),
                limit,
            )
            .await?;
        return Ok(None);
    }
    let address = published(&spec.publisher, "7234/tcp").await;
    let Ok(address) = address else {
        // Died already: the wait tells how.
        let ready = Ready::Asked(health(&spec.name, Part::Server));
        stack
            .adopt(
                instance,
                life,
                Origin::Container(spec),
                ready,
                services.server.ready_limit(),
            )
            .await?;
        return address.map(Some);
    };
    let port = address
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .context("a published port is a number")?;
    containers.publish(port, &format!("{}:7234", spec.publisher));
    let bins = crate::stack::bins::Bins::new(&stack.config)?;
    let ready = Ready::Asked(services::server_health(&bins.server, &address));
    stack
        .adopt(
            instance,
            life,
            Origin::Container(spec),
            ready,
            services.server.ready_limit(),
        )
        .await?;
    Ok(Some(address))
}

/// The service's own health check, inside.
pub fn health(name: &str, part: Part) -> Command {
    let command = docker(["exec", name, &format!("/{}", part.binary()), "healthcheck"]);
    if part == Part::Server {
        command.args(["--address", "127.0.0.1:7234"])
    } else {
        command
    }
}

/// Where a port of a container is published: `127.0.0.1:PORT`.
///
/// # Errors
/// When it does not run.
pub async fn published(name: &str, port: &str) -> anyhow::Result<String> {
    let said = engine::ask(docker(["port", name, port]), ANSWER, Code::NotReady).await?;
    let first = said.lines().next().context("a port is not published")?;
    Ok(first.trim().to_owned())
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn server_env() -> Vec<(String, String)> {
    owned(&[
        ("GRPC_HOST", "0.0.0.0"),
        ("GRPC_PORT", "7234"),
        ("DB_PATH", "/data/stigmer.redb"),
        ("TEMPORAL_ADDRESS", "temporal:7233"),
        ("TEMPORAL_NAMESPACE", NAMESPACE),
        ("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE", TASK_QUEUE),
        ("LOG_LEVEL", "info"),
    ])
}

fn runner_env(stack: &Native, parts: &Parts) -> anyhow::Result<Vec<(String, String)>> {
    let model = parts
        .model
        .as_ref()
        .context("a runner needs a model: this stack has none")?;
    let mut env = owned(&[
        ("STIGMER_BACKEND_ENDPOINT", "http://server:7234"),
        ("TEMPORAL_ADDRESS", "temporal:7233"),
        ("TEMPORAL_NAMESPACE", NAMESPACE),
        ("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE", TASK_QUEUE),
        ("STIGMER_LLM_BASE_URL", "http://gateway:8080/v1"),
        ("STIGMER_LLM_MODEL", &model.name),
        (
            "STIGMER_LLM_MAX_TOKENS",
            &stack.config.model.max_tokens.to_string(),
        ),
        ("STIGMER_ANNOUNCE_FILE", "/tmp/identity"),
        ("LOG_LEVEL", "info"),
    ]);
    if let Some(key) = &model.key {
        env.push(("STIGMER_LLM_API_KEY".into(), key.clone()));
    }
    Ok(env)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_values() {
        let values = [
            "http://127.0.0.1:4001/v1",
            "127.0.0.1:4002",
            "temporal:7233",
            "127.0.0.1:x",
        ];
        assert_eq!(loopback_ports(values.into_iter()), [4001, 4002].into());
    }
}
