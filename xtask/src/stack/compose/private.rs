//! Instances of a test's own: containers beside Compose's, with the same image, limits and labels.

use super::container::Container;
use super::inside::{hardened, health, published, runner_env, server_env};
use super::loopback;
use crate::docker::{self, docker};
use crate::exit::Code;
use crate::images::Part;
use crate::stack::life::Life;
use crate::stack::native::{Native, Origin};
use crate::stack::parts::Parts;
use crate::stack::ready::Ready;
use crate::stack::services;
use anyhow::Context;
use std::time::Duration;

/// The engine may have to set up a network card and a volume on a disk that compiles.
const START: Duration = Duration::from_secs(60);

/// What a private container is, for its restart.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Its name, also on the network.
    pub name: String,
    /// Server or runner.
    pub part: Part,
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
    let env = loopback::led(containers, env).await?;
    let mut command = hardened(containers, &name).args(["--network", &containers.project]);
    let base = if part == Part::Server {
        let mut volume = format!("type=volume,source={name},destination=/data");
        for (label, value) in &containers.labels {
            volume += &format!(",volume-label={label}={value}");
        }
        command = command.args(["--publish", "127.0.0.1::7234", "--mount", &volume]);
        server_env(parts)
    } else {
        command = command.args(["--init", "--tmpfs", "/work:uid=65532,gid=65532,mode=0700"]);
        runner_env(stack, parts)
    };
    // By name only: the values are in the client's environment, where nobody sees them.
    for (key, value) in base.iter().chain(&env) {
        command = command.args(["--env", key]).secret(key, value);
    }
    let entry = format!("/{}", part.binary());
    command = command.args(["--entrypoint", &entry, containers.image(part)]);
    docker::ask(stack.run.own(command), START, Code::NotReady)
        .await
        .with_context(|| format!("start {instance}"))?;
    let spec = Spec { name, part };
    watch(stack, instance, spec, false).await
}

/// Starts an ended one again, on the same data.
///
/// # Errors
/// As [`start`].
pub async fn restart(stack: &Native, instance: &str, spec: Spec) -> anyhow::Result<Option<String>> {
    docker::ask(docker(["start", &spec.name]), START, Code::NotReady).await?;
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
        let check = health(&spec.name, "agent-runner");
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
    let address = published(&spec.name, "7234").await;
    let Ok(address) = address else {
        // Died already: the wait tells how.
        let ready = Ready::Asked(health(&spec.name, "stigmer-server"));
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
    containers.publish(port, &format!("{}:7234", spec.name));
    let bins = crate::stack::bins::Bins::new(&stack.config)?;
    let ready = Ready::Asked(services::address_health(&bins.server, &address));
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
