//! Phase 2's services in containers: their images and network, then Compose, then each service's readiness.

use super::client::Compose;
use super::container::{Container, published};
use super::container_spec::health_args;
use super::containers::{Containers, exec};
use super::{keys, model_route};
use crate::file::{Endpoints, McpEndpoint};
use crate::handle::Handle;
use crate::ready::Ready;
use crate::service::{KEYS, Place, ServiceSpec};
use crate::services::{self, temporal};
use crate::stack::{LaunchSpec, Member, Stack};
use crate::start;
use crate::wiring::Wiring;
use anyhow::Context;
use harness_base::docker::{self, ANSWER, docker};
use harness_base::{Code, Command, coded, run_to_end};
use harness_provision::{Binary, Found, Program, images, programs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Compose itself, until all containers are started.
const UP: Duration = Duration::from_secs(120);
/// Between Docker's own questions. It is xtask that waits for readiness; five processes a second would only take time
/// from the tests.
const HEALTH_INTERVAL: &str = "30s";

const MODEL_KEY_FILE: &str = "STIGMER_LLM_API_KEY_FILE";

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
    for (name, binary) in start::OURS {
        all.push((name, start::spec(stack, wiring, binary, Place::Container)?));
    }
    Ok(all)
}

/// How containers find each other.
pub(super) fn wire(wiring: &Wiring) {
    wiring.set_temporal("temporal:7233");
    wiring.set_server("http://server:7234");
    wiring.set_gateway("http://gateway:8080/v1");
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
    let wanted = images::wanted(root, config, None)?;
    let ensure = images::ensure(root, config, &wanted, config.offline);
    context.timed("images", ensure).await?;
    let containers = Containers::new(&context.run, compose, images::for_tests(&wanted)).await?;
    stack.own_containers(Arc::new(containers));
    wire(wiring);
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
    keys.context("hand over the keys")?;
    let upstream = match &wiring.upstream {
        Some(base) => Some(model_route::open(stack, containers, base).await?),
        None => None,
    };
    let command = command(stack, containers, wiring, upstream.as_deref());
    containers.started_by(&command);
    let all = all(stack, containers, wiring, &command, &found.bin).await;
    let endpoints = all.map_err(|error| match docker::is_silent(&error) {
        true => docker::gone("while the services were started"),
        false => error,
    })?;
    Ok((found, endpoints))
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
    let ready = async |at: usize| {
        let (service, spec, name, container) = &found[at];
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
            (None, _) => exec(name, program, &health_args(&spec.health)),
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
            containers.publish(port, &format!("{service}:{inside}"));
        }
        anyhow::Ok(address)
    };
    let (temporal, server, gateway, _, _) =
        tokio::try_join!(ready(0), ready(1), ready(2), ready(3), ready(4))?;
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

/// `compose up` with everything that `compose.yaml` leaves open.
fn command(
    stack: &Stack,
    containers: &Containers,
    wiring: &Wiring,
    upstream: Option<&str>,
) -> Command {
    let root = &stack.context.run.root;
    let mut command = containers.compose.up(root, &containers.project);
    for image in &containers.images {
        command = command.env(image.component.variable(), &image.reference);
    }
    let [_, (_, checkout), (_, owner)] = &containers.labels;
    let model = &wiring.runner_model;
    command = command
        .env("E2E_CHECKOUT", checkout)
        .env("E2E_OWNER", owner)
        .env("E2E_NETWORK", &containers.project)
        .env("E2E_HEALTH_INTERVAL", HEALTH_INTERVAL)
        .env("E2E_GATEWAY_MODE", wiring.gateway_mode.to_string())
        .env("E2E_MODEL_NAME", &model.name)
        .env("E2E_MODEL_MAX_TOKENS", wiring.max_tokens.to_string())
        .unset("COMPOSE_PROFILES"); // the user's are for other projects
    // Not set means that there is none; what this process has by chance is not meant.
    let command = match &model.key {
        Some(_) => command.env(MODEL_KEY_FILE, format!("{KEYS}/STIGMER_LLM_API_KEY")),
        None => command.unset(MODEL_KEY_FILE),
    };
    // A model elsewhere is asked as the user's client would ask it, one that was led to without a proxy.
    let led = upstream.is_none() || upstream != wiring.upstream.as_deref();
    let near = if led { "*" } else { "localhost,127.0.0.1" };
    let command = command.env("E2E_GATEWAY_NO_PROXY", near);
    match upstream {
        Some(url) => command.env("GATEWAY_UPSTREAM", url),
        None => command.unset("GATEWAY_UPSTREAM"),
    }
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
    Ok(exec(&container.id, binary.name(), &args))
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
