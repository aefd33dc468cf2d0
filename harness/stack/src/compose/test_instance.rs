//! Containers beside Compose's, with the limits and labels of these: instances of a test's own, with the same images, and
//! parts of somebody else's build.

use super::container::{Container, published};
use super::container_spec::{health_args, run};
use super::containers::{Containers, exec};
use super::test_container::{Check, TestContainer};
use crate::handle::Handle;
use crate::member::{LaunchSpec, Member, Owner};
use crate::outside;
use crate::ready::Ready;
use crate::service::{Health, ServiceSpec};
use crate::services;
use crate::stack::Stack;
use crate::wiring::Wiring;
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
    wiring: &Wiring,
    binary: Binary,
    (instance, owner): (&str, Owner),
    spec: ServiceSpec,
) -> anyhow::Result<Option<String>> {
    let name = format!("{}-{instance}", containers.project);
    let check = match (&spec.health, spec.container.publishes) {
        (Health::Announced { .. }, Some(_)) => Check::Outside(binary),
        (Health::Grpc, _) => Check::Outside(Binary::Server),
        (Health::Listening, _) => Check::Listening,
        (Health::Polls(queue), _) => Check::Polls(outside::pollers(wiring, queue.clone())?),
        (health, _) => Check::Inside(health_args(health)),
    };
    if let Check::Polls(pollers) = &check {
        pollers.before_start().await;
    }
    let command = run(
        containers,
        (&name, instance),
        containers.image(binary),
        &spec,
    );
    let described = spec.described.as_ref();
    docker::ask(stack.context.run.own(command), START, Code::NotReady)
        .await
        .with_context(|| match described {
            Some(described) => format!("{}: start {instance}", described.command),
            None => format!("start {instance}"),
        })?;
    let container = TestContainer {
        name,
        program: spec.inside(),
        publishes: spec.container.publishes,
        check,
        limit: spec.limit,
        described: spec.described,
    };
    watch(stack, containers, (instance, owner), container, false).await
}

/// Starts an ended one of a test's own again, on the same data.
///
/// # Errors
/// As [`start`].
pub async fn restart(
    stack: &Stack,
    containers: &Containers,
    instance: &str,
    container: TestContainer,
) -> anyhow::Result<Option<String>> {
    if let Check::Polls(pollers) = &container.check {
        pollers.before_start().await;
    }
    docker::ask(docker(["start", &container.name]), START, Code::NotReady).await?;
    watch(stack, containers, (instance, Owner::Test), container, true).await
}

async fn watch(
    stack: &Stack,
    containers: &Containers,
    (instance, owner): (&str, Owner),
    it: TestContainer,
    again: bool,
) -> anyhow::Result<Option<String>> {
    let (name, limit) = (it.name.clone(), it.limit);
    let log = stack.log(instance);
    let container = Container::follow(&stack.context.run, &name, instance, &log, again)?;
    let mut address = None;
    if let Some(inside) = it.publishes {
        // One that died already is not published: the wait tells how it died.
        if let Ok(at) = published(&name, inside).await {
            let port = at.rsplit(':').next().and_then(|port| port.parse().ok());
            let port = port.context("a published port is a number")?;
            containers
                .published
                .add(port, &format!("{name}:{inside}"), &container);
            address = Some(at);
        }
    }
    let ready = match (&it.check, &address) {
        (Check::Inside(args), _) => Ready::Asked(exec(&name, &it.program, args)),
        (Check::Polls(pollers), _) => Ready::Polls(pollers.clone()),
        (Check::Outside(binary), Some(at)) => {
            Ready::Asked(services::address_health(&stack.binary(*binary)?, at))
        }
        (Check::Listening, Some(at)) => Ready::Listening(at.clone()),
        (Check::Outside(_) | Check::Listening, None) => Ready::Asked(exec(&name, &it.program, &[])),
    };
    let described = it.described.clone();
    let member = Member {
        origin: LaunchSpec::Container(it),
        ready,
        limit,
        handle: Handle::Container(container),
        owner,
        address: address.clone(),
        described,
    };
    stack.adopt(instance, member).await?;
    Ok(address)
}
