//! Phase 2's services in containers: their images and network, then Compose, then each service's readiness.

use super::client::Compose;
use super::container::{Container, published};
use super::container_spec::health_args;
use super::containers::{Containers, exec};
use super::up_command::{command, ours};
use super::{keys, model_route};
use crate::file::{Endpoints, McpEndpoint};
use crate::handle::Handle;
use crate::lease;
use crate::member::{LaunchSpec, Member, Owner};
use crate::ready::Ready;
use crate::service::{Place, ServiceSpec};
use crate::services::guest::inside;
use crate::services::{self, temporal};
use crate::stack::Stack;
use crate::start::{self, Own};
use crate::wiring::Wiring;
use anyhow::Context;
use harness_base::docker::{self, ANSWER, docker};
use harness_base::parts::Parts;
use harness_base::parts::guest::ReadyBy;
use harness_base::{Code, Command, Part, coded, run_to_end};
use harness_provision::{Binary, Found, Program, images, programs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Compose itself, until all containers are started.
const UP: Duration = Duration::from_secs(120);

/// The services of `compose.yaml`, with what each is told.
///
/// # Errors
/// When the wiring lacks something.
pub(super) fn described(
    stack: &Stack,
    wiring: &Wiring,
) -> anyhow::Result<Vec<(&'static str, ServiceSpec)>> {
    let limit = stack.context.config.services.temporal.ready_limit();
    let mut all = vec![("temporal", temporal::spec(Place::Container, None, limit))];
    for (name, binary) in ours(stack) {
        all.push((name, start::spec(stack, wiring, binary, Place::Container)?));
    }
    Ok(all)
}

/// How containers find each other.
pub(super) fn wire(wiring: &Wiring, parts: &Parts) {
    let port = |part, ours| parts.guest(part).map_or(ours, |guest| inside(part, guest));
    wiring.set_temporal("temporal:7233");
    wiring.set_server(&format!("http://server:{}", port(Part::Server, 7234)));
    wiring.set_gateway(&format!("http://gateway:{}/v1", port(Part::Gateway, 8080)));
}

/// Has the images there, and the run's network.
///
/// # Errors
/// [`Code::Image`] for images, [`Code::Missing`] for Docker.
pub async fn prepare(stack: &Stack, wiring: &mut Wiring) -> anyhow::Result<()> {
    let context = &stack.context;
    let (root, config) = (&context.run.root, &context.config);
    if let Some(host) = docker::elsewhere().await {
        let text = format!(
            "the Docker engine is another machine's ({host}): tests on this one reach nothing that it publishes\n  mend: --runtime native, or run cargo xtask on that machine"
        );
        return Err(coded(Code::Missing, text));
    }
    let compose = Compose::get(config).await?;
    let wanted = images::with_guests(config, images::wanted(root, config, None)?)?;
    let all = images::all(root, config, &wanted, false); // a run never compiles in a container
    context.timed("images", all).await?;
    let containers = Containers::new(&context.run, compose, images::for_tests(&wanted)).await?;
    stack.own_containers(Arc::new(containers));
    wire(wiring, &config.parts);
    Ok(())
}

/// Starts everything and waits until everything is ready.
///
/// # Errors
/// What Compose says; the first service that died or stayed unready.
pub async fn up(
    stack: &Stack,
    containers: &Containers,
    wiring: &Wiring,
) -> anyhow::Result<(Found, Endpoints)> {
    let context = &stack.context;
    // Its CLI asks the one in the container; the way to the model, and the health checks that run on this host, are built
    // with everything else.
    for (port, who) in [
        (wiring.ports.server, "the server"),
        (wiring.ports.temporal, "temporal"),
    ] {
        port.map_or(Ok(()), |port| lease::check_free(port, who))?;
    }
    let here = async {
        let found = programs::obtain(&context.config, Program::Temporal).await?;
        context.wait_built().await?;
        anyhow::Ok(found)
    };
    let specs = described(stack, wiring)?;
    let specs = specs.iter().map(|(_, spec)| spec);
    let scratch = stack.dir.join("data/keys");
    // Both to their end: a client that is still on its way when xtask ends would leave something behind.
    let (found, keys) = tokio::join!(here, keys::fill(&context.run, containers, specs, &scratch));
    let found = found?;
    let silent = |error| match docker::is_silent(&error) {
        true => docker::gone("while the services were started"),
        false => error,
    };
    let filled = keys.map_err(silent).context("hand over the keys")?;
    let upstream = match &wiring.upstream {
        Some(base) => {
            let led = model_route::open(stack, containers, base)
                .await
                .map_err(silent)?;
            wiring.set_led_upstream(&led);
            Some(led)
        }
        None => None,
    };
    let command = command(stack, containers, wiring, upstream.as_deref());
    containers.started_by(&command);
    // Nobody waits for its end, and nobody leaves before it.
    let remove = async {
        match &filled {
            Some(name) => keys::remove(name).await,
            None => Ok(()),
        }
    };
    let all = all(stack, containers, wiring, &command, &found.bin);
    let (all, removed) = tokio::join!(all, remove);
    let all = all.map_err(silent)?;
    removed.map_err(silent)?;
    Ok((found, all))
}

async fn all(
    stack: &Stack,
    containers: &Containers,
    wiring: &Wiring,
    command: &Command,
    temporal: &Path,
) -> anyhow::Result<Endpoints> {
    let context = &stack.context;
    let said = stack.dir.join("logs/compose.log");
    let command = context.run.own(command.clone());
    tokio::select! {
        done = run_to_end(&command, &said, UP) => if let Err(why) = done {
            // Compose has words of its own for an engine that went away.
            names(&containers.project).await?;
            return Err(docker::explain(&why, Code::NotReady, "compose up"));
        },
        () = context.interrupt.reached(1) => return Err(coded(Code::Interrupted, "interrupted")),
    }
    let names = names(&containers.project).await?;
    let mut found = Vec::new();
    // All logs first: a service that dies at once must still have one.
    for (service, spec) in described(stack, wiring)? {
        let name = names.iter().find(|(name, _)| name == service);
        let (_, name) = name.with_context(|| format!("Compose started no {service}"))?;
        let log = stack.log(service);
        let container = Container::follow(&context.run, name, service, &log, false)?;
        found.push((service, spec, name.as_str(), container));
    }
    let temporal_up = watch::channel(false).0;
    let ready = async |service: &str| {
        let Some((service, spec, name, container)) = found.iter().find(|it| it.0 == service) else {
            return theirs(stack, wiring, service, &temporal_up).await;
        };
        let (program, inside) = (spec.container.program, spec.container.publishes);
        let address = match inside {
            // One that died already is not published: the wait tells how it died.
            Some(port) => published(name, port).await.unwrap_or_default(),
            None => String::new(),
        };
        // From this host where it is published: that is the tests' own way, and quicker than a process in the container.
        let check = match (inside, Binary::ALL.iter().find(|it| it.name() == program)) {
            (Some(_), Some(binary)) => {
                let bin = stack.binary(*binary)?;
                services::address_health(&bin, &address)
            }
            (Some(_), None) => {
                let home = stack.dir.join("data/temporal");
                std::fs::create_dir_all(&home).context("make a folder")?;
                temporal::health(temporal, &address, &home)
            }
            (None, _) => exec(name, &spec.inside(), &health_args(&spec.health)),
        };
        let origin = LaunchSpec::Compose { publishes: inside };
        let handle = Handle::Container(container.clone());
        let member = Member {
            address: inside.map(|_| address.clone()),
            ..Member::shared(origin, Ready::Asked(check), spec.limit, handle)
        };
        stack.adopt(service, member).await?;
        if let (Some(inside), Some(port)) = (inside, address.rsplit(':').next())
            && let Ok(port) = port.parse()
        {
            containers
                .published
                .add(port, &format!("{service}:{inside}"), container);
        }
        if *service == "temporal" {
            wiring.set_asks_temporal(temporal, &address);
            temporal_up.send_replace(true);
        }
        anyhow::Ok(address)
    };
    let (temporal, server, gateway, _, _) = tokio::try_join!(
        ready("temporal"),
        ready("server"),
        ready("gateway"),
        ready("mcp"),
        ready("runner")
    )?;
    Ok(Endpoints {
        server: format!("http://{server}"),
        temporal,
        gateway: format!("http://{gateway}/v1"),
        mcp: McpEndpoint {
            stdio: "/mcp-probe".into(),
            http: "http://mcp:8080/mcp".into(),
            time: None, // the runner's image has no Python
        },
        web: None,
    })
}

/// Starts a part of somebody else's build beside Compose's containers; where this host reaches it.
async fn theirs(
    stack: &Stack,
    wiring: &Wiring,
    service: &str,
    temporal_up: &watch::Sender<bool>,
) -> anyhow::Result<String> {
    let binary = start::OURS.iter().find(|(name, _)| *name == service);
    let (_, binary) = binary.with_context(|| format!("{service} is no service"))?;
    let polled = binary
        .guest(&stack.context.config)
        .is_some_and(|(_, guest)| {
            matches!(guest.ready(), ReadyBy::Workflows | ReadyBy::Activities)
        });
    if polled || start::needs_temporal(stack, *binary) {
        // Whoever could never say so fails the start as a whole.
        let _ = temporal_up.subscribe().wait_for(|up| *up).await;
    }
    let address = start::service(
        stack,
        wiring,
        *binary,
        service,
        Owner::Shared,
        Own::default(),
    )
    .await?;
    Ok(address.unwrap_or_default())
}

/// A question to a container's own program, in the container of a service.
///
/// # Errors
/// When there is no such container.
pub fn exec_in(
    stack: &Stack,
    service: &str,
    binary: Binary,
    args: &[&str],
) -> anyhow::Result<Command> {
    let member = stack.member(service)?;
    let Handle::Container(container) = member.handle else {
        anyhow::bail!("{service} is no container");
    };
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    Ok(exec(&container.id, &format!("/{}", binary.name()), &args))
}

/// Compose's containers: service and name.
async fn names(project: &str) -> anyhow::Result<Vec<(String, String)>> {
    let filter = format!("label=com.docker.compose.project={project}");
    let format = "{{.Label \"com.docker.compose.service\"}} {{.Names}}";
    let list = ["container", "ls", "--all", "--filter"];
    let command = docker(list).args([&filter, "--format", format]);
    let said = docker::ask(command, ANSWER, Code::NotReady).await?;
    Ok(said
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(service, name)| (service.to_owned(), name.to_owned()))
        .collect())
}
