//! Instances of a test's own: containers beside Compose's, with the same image, limits and labels.

use super::container::{Container, TestContainer, published};
use super::container_spec::{health_args, run};
use super::containers::{Containers, exec};
use super::rewrite_env;
use crate::handle::Handle;
use crate::ready::Ready;
use crate::service::ServiceSpec;
use crate::services;
use crate::stack::{LaunchSpec, Member, Owner, Stack};
use anyhow::Context;
use harness_base::Code;
use harness_base::docker::{self, docker};
use harness_provision::Binary;
use std::time::Duration;

/// The engine may have to set up a network card and a volume on a disk that compiles.
const START: Duration = Duration::from_secs(60);

/// Starts one; where this host reaches it, `127.0.0.1:PORT`, if it is published.
///
/// # Errors
/// As [`Stack::start`].
pub async fn start(
    stack: &Stack,
    containers: &Containers,
    binary: Binary,
    instance: &str,
    spec: ServiceSpec,
    env: &[(String, String)],
) -> anyhow::Result<Option<String>> {
    let name = format!("{}-{instance}", containers.project);
    let env = rewrite_env::rewritten(containers, env).await?;
    let spec = spec.with_env(&env);
    let command = run(containers, &name, containers.image(binary), &spec);
    docker::ask(stack.context.run.own(command), START, Code::NotReady)
        .await
        .with_context(|| format!("start {instance}"))?;
    let container = TestContainer {
        name,
        binary,
        publishes: spec.container.publishes,
        health: health_args(&spec.health),
        limit: spec.limit,
    };
    watch(stack, containers, instance, container, false).await
}

/// Starts an ended one again, on the same data.
///
/// # Errors
/// As [`start`].
pub async fn restart(
    stack: &Stack,
    containers: &Containers,
    instance: &str,
    container: TestContainer,
) -> anyhow::Result<Option<String>> {
    docker::ask(docker(["start", &container.name]), START, Code::NotReady).await?;
    watch(stack, containers, instance, container, true).await
}

async fn watch(
    stack: &Stack,
    containers: &Containers,
    instance: &str,
    it: TestContainer,
    again: bool,
) -> anyhow::Result<Option<String>> {
    let (name, limit) = (it.name.clone(), it.limit);
    let log = stack.log(instance);
    let container = Container::follow(&stack.context.run, &name, instance, &log, again)?;
    let handle = Handle::Container(container);
    let mut check = exec(&name, it.binary.name(), &it.health);
    let mut address = None;
    if let Some(inside) = it.publishes {
        // One that died already is not published: the wait tells how it died.
        if let Ok(at) = published(&name, inside).await {
            let port = at.rsplit(':').next().and_then(|port| port.parse().ok());
            let port = port.context("a published port is a number")?;
            containers.publish(port, &format!("{name}:{inside}"));
            // The tests' own way, and quicker than a process in the container.
            let bin = stack.binary(it.binary)?;
            check = services::address_health(&bin, &at);
            address = Some(at);
        }
    }
    let member = Member {
        origin: LaunchSpec::Container(it),
        ready: Ready::Asked(check),
        limit,
        handle,
        owner: Owner::Test,
        address: address.clone(),
    };
    stack.adopt(instance, member).await?;
    Ok(address)
}
