//! Compose's own services, started again one by one.

use super::container::{Container, published};
use crate::handle::Handle;
use crate::member::{LaunchSpec, Member};
use crate::ready::Ready;
use crate::stack::Stack;
use anyhow::Context;
use harness_base::docker::{self, docker};
use harness_base::{Code, Command, run_to_end};
use std::time::Duration;

/// The engine may have to make a container and its network card on a disk that compiles.
const START: Duration = Duration::from_secs(60);

/// Starts a container that was stopped or killed again, and waits until it is ready; where it is now. Its port on this host
/// is Docker's to choose, so it may have moved.
///
/// # Errors
/// As [`Stack::start`].
pub async fn again(stack: &Stack, service: &str, member: Member) -> anyhow::Result<Option<String>> {
    let name = name_of(service, &member)?;
    docker::ask(docker(["start", &name]), START, Code::NotReady).await?;
    watch(stack, service, &name, member, true).await
}

/// Ends the containers of services that are about to be made anew, side by side: gently, since what they store stays. One that
/// does not end so is ended by Compose.
pub async fn retire(stack: &Stack, services: &[&str]) {
    let limit = Duration::from_secs(stack.context.config.stop.term_seconds);
    let mut tasks = tokio::task::JoinSet::new();
    for service in services {
        if let Ok(Handle::Container(container)) = stack.member(service).map(|it| it.handle) {
            container.let_go();
            tasks.spawn(async move { container.stop(limit).await });
        }
    }
    tasks.join_all().await;
}

/// Has Compose make services anew, with what `command` says of them now. Volumes stay.
///
/// # Errors
/// What Compose says.
pub async fn anew(stack: &Stack, command: &Command, services: &[&str]) -> anyhow::Result<()> {
    let command = command.clone().args(["--no-deps", "--force-recreate"]);
    let command = stack
        .context
        .run
        .own(command.args(services.iter().copied()));
    let said = stack.dir.join("logs/compose.log");
    run_to_end(&command, &said, START)
        .await
        .map_err(|why| docker::explain(&why, Code::NotReady, "compose up"))
}

/// Waits until services that were made anew are ready.
///
/// # Errors
/// As [`Stack::start`].
pub async fn ready(stack: &Stack, services: &[&str]) -> anyhow::Result<()> {
    // All are started by now, so one after the other waits for the slowest, and no longer.
    for service in services {
        let member = stack.member(service)?;
        let name = name_of(service, &member)?;
        watch(stack, service, &name, member, false).await?;
    }
    Ok(())
}

/// Takes a container off the run's network, or puts it back under its service's name.
///
/// # Errors
/// When the engine refuses: it is off already, or on.
pub async fn attach(
    project: &str,
    container: &str,
    service: &str,
    attached: bool,
) -> anyhow::Result<()> {
    let command = match attached {
        true => docker(["network", "connect", "--alias", service, project, container]),
        false => docker(["network", "disconnect", "--force", project, container]),
    };
    docker::ask(command, START, Code::NotReady).await.map(drop)
}

/// Finds out where a container that runs is published now, and waits until it is ready.
///
/// # Errors
/// As [`Stack::start`].
pub async fn found_again(stack: &Stack, service: &str) -> anyhow::Result<()> {
    let member = stack.member(service)?;
    let name = name_of(service, &member)?;
    let member = published_at(&name, service, member).await?;
    stack.adopt(service, member).await
}

fn name_of(service: &str, member: &Member) -> anyhow::Result<String> {
    match &member.handle {
        Handle::Container(container) => Ok(container.id.clone()),
        _ => anyhow::bail!("{service} is no container"),
    }
}

async fn watch(
    stack: &Stack,
    service: &str,
    name: &str,
    mut member: Member,
    again: bool,
) -> anyhow::Result<Option<String>> {
    let log = stack.log(service);
    let container = Container::follow(&stack.context.run, name, service, &log, again)?;
    member.handle = Handle::Container(container);
    let member = published_at(name, service, member).await?;
    let address = member.address.clone();
    stack.adopt(service, member).await?;
    Ok(address)
}

/// Where it is published now, also in its health check.
async fn published_at(name: &str, service: &str, mut member: Member) -> anyhow::Result<Member> {
    let LaunchSpec::Compose { publishes } = member.origin else {
        anyhow::bail!("{service} is none of Compose's");
    };
    let Some(inside) = publishes else {
        return Ok(member);
    };
    // One that died already is not published: the wait tells how it died.
    let address = published(name, inside).await.unwrap_or_default();
    let old = member.address.take().context("it was published nowhere")?;
    if let Ready::Asked(check) = &mut member.ready {
        let words = check.args.iter_mut();
        words.for_each(|word| *word = word.replace(&old, &address));
    }
    member.address = Some(address);
    Ok(member)
}
