//! Compose, then everybody's readiness.

use super::Containers;
use super::container::Container;
use super::inside::{health, published};
use crate::docker::{self, ANSWER, docker};
use crate::e2e::session::Session;
use crate::exit::{Code, coded};
use crate::process::{Command, attempt};
use crate::stack::life::Life;
use crate::stack::native::{Native, Origin};
use crate::stack::parts::Parts;
use crate::stack::ready::Ready;
use crate::stack::{services, temporal};
use anyhow::Context;
use std::path::Path;
use std::time::Duration;

/// Compose itself, until all containers are started.
const UP: Duration = Duration::from_secs(120);
/// Services of `compose.yaml`, and the port of those that are published.
const SERVICES: [(&str, Option<&str>); 5] = [
    ("temporal", Some("7233")),
    ("server", Some("7234")),
    ("gateway", Some("8080")),
    ("tools", None),
    ("runner", None),
];

/// Between Docker's own questions. It is xtask that waits for readiness; five processes a second would only take time
/// from the tests.
const HEALTH_INTERVAL: &str = "30s";

/// What Compose is told.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Keys, and what the runner asks for.
    pub parts: &'a Parts,
    /// The gateway's mode.
    pub mode: &'a str,
    /// The model's address as containers see it.
    pub upstream: Option<&'a str>,
    /// The `temporal` of this host, which asks the one in the container.
    pub temporal: &'a Path,
}

/// Addresses on this host, and the runner's container.
#[derive(Clone, Debug)]
pub struct At {
    /// `127.0.0.1:PORT`.
    pub temporal: String,
    /// `127.0.0.1:PORT`.
    pub server: String,
    /// `127.0.0.1:PORT`.
    pub gateway: String,
    /// Its name.
    pub runner: String,
}

/// Starts everything and waits until everything is ready.
///
/// # Errors
/// What Compose says; the first service that died or stayed unready.
pub async fn all(
    session: &Session,
    stack: &Native,
    containers: &Containers,
    told: &Told<'_>,
) -> anyhow::Result<At> {
    let command = session.run.own(command(session, containers, told));
    let said = stack.dir.join("logs/compose.log");
    tokio::select! {
        done = attempt(&command, &said, UP) => if let Err(why) = done {
            // Each Compose has words of its own for an engine that went away.
            names(containers).await?;
            return Err(docker::explain(&why, Code::NotReady, "compose up"));
        },
        () = session.interrupt.reached(1) => return Err(coded(Code::Interrupted, "interrupted")),
    }
    let names = names(containers).await?;
    let mut found = Vec::new();
    // All logs first: a service that dies at once must still have one.
    for (service, port) in SERVICES {
        let name = names.iter().find(|(name, _)| name == service);
        let (_, name) = name.with_context(|| format!("Compose started no {service}"))?;
        let log = stack.log(service);
        let container = Container::follow(&stack.run, name, service, &log, false)?;
        found.push((service, port, name.as_str(), Life::Container(container)));
    }
    let up = async |at: usize| {
        let (service, port, name, life) = &found[at];
        let address = match port {
            // One that died already is not published: the wait tells how it died.
            Some(port) => published(name, port).await.unwrap_or_default(),
            None => String::new(),
        };
        let (check, limit) = check(stack, told, service, name, &address)?;
        let ready = Ready::Asked(check);
        stack
            .adopt(service, life.clone(), Origin::Compose, ready, limit)
            .await?;
        if let (Some(inside), Some(port)) = (port, address.rsplit(':').next())
            && let Ok(port) = port.parse()
        {
            containers.publish(port, &format!("{service}:{inside}"));
        }
        anyhow::Ok(address)
    };
    let (temporal, server, gateway, ..) = tokio::try_join!(up(0), up(1), up(2), up(3), up(4))?;
    Ok(At {
        temporal,
        server,
        gateway,
        runner: found[4].2.to_owned(),
    })
}

/// `compose up` with everything that `compose.yaml` leaves open.
fn command(session: &Session, containers: &Containers, told: &Told<'_>) -> Command {
    let mut command = containers
        .compose
        .up(&session.run.root, &containers.project);
    for image in containers.images() {
        command = command.env(image.part.variable(), &image.reference);
    }
    let [_, (_, checkout), (_, owner)] = &containers.labels;
    let asked = &told.parts.asked;
    command = command
        .env("E2E_CHECKOUT", checkout)
        .env("E2E_OWNER", owner)
        .env("E2E_NETWORK", &containers.project)
        .env("E2E_HEALTH_INTERVAL", HEALTH_INTERVAL)
        .env("E2E_GATEWAY_MODE", told.mode)
        .env("E2E_MODEL_NAME", &asked.name)
        .env(
            "E2E_MODEL_MAX_TOKENS",
            session.config.model.max_tokens.to_string(),
        )
        .secret(
            "STIGMER_RUNNER_KEY",
            told.parts.runner_key.as_deref().unwrap_or_default(),
        );
    // Not set means that there is none; what this process has by chance is not meant.
    let command = match &asked.key {
        Some(key) => command.secret("STIGMER_LLM_API_KEY", key),
        None => command.unset("STIGMER_LLM_API_KEY"),
    };
    let command = match told.upstream {
        Some(url) => command.env("GATEWAY_UPSTREAM", url),
        None => command.unset("GATEWAY_UPSTREAM"),
    };
    command.unset("COMPOSE_PROFILES") // the user's are for other projects
}

/// How a service is asked whether it is ready, and how long it may take. From this host where it is published: that is
/// the tests' own way, and quicker than a process in the container.
fn check(
    stack: &Native,
    told: &Told<'_>,
    service: &str,
    name: &str,
    address: &str,
) -> anyhow::Result<(Command, Duration)> {
    let (bins, limits) = (&told.parts.bins, &stack.config.services);
    Ok(match service {
        "temporal" => {
            let home = stack.dir.join("data/temporal");
            std::fs::create_dir_all(&home).context("make a folder")?;
            let check = temporal::health(told.temporal, address, &home);
            (check, limits.temporal.ready_limit())
        }
        "server" => (
            services::address_health(&bins.server, address),
            limits.server.ready_limit(),
        ),
        "gateway" => (
            services::address_health(&bins.gateway, address),
            limits.gateway.ready_limit(),
        ),
        "tools" => (health(name, "mcp-probe"), limits.tools.ready_limit()),
        _ => (health(name, "agent-runner"), limits.runner.ready_limit()),
    })
}

/// Compose's containers: service and name.
async fn names(containers: &Containers) -> anyhow::Result<Vec<(String, String)>> {
    let filter = format!("label=com.docker.compose.project={}", containers.project);
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
