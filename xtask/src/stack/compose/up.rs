//! Phase 2's stack in containers: network and model while the images are made sure of, then Compose, then each
//! service's readiness by its own health check.

use super::Containers;
use super::client::Compose;
use super::container::Container;
use super::private::{health, published};
use crate::e2e::bring_up::Up;
use crate::e2e::provision;
use crate::e2e::session::Session;
use crate::exit::{Code, coded};
use crate::images::{self, Part};
use crate::model::Model;
use crate::process::{Command, attempt};
use crate::stack::bins::Bins;
use crate::stack::life::Life;
use crate::stack::members::{self, Parts};
use crate::stack::native::{Native, Origin};
use crate::stack::ready::Ready;
use crate::stack::{Bin, ModelAt, StackFile, TemporalAt, services, temporal};
use anyhow::Context;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Compose itself, until all containers are started.
const UP: Duration = Duration::from_secs(120);
/// The path from the runner through the gateway to the model.
const ROUTE: Duration = Duration::from_secs(30);

/// Brings it up.
///
/// # Errors
/// As the native one; [`Code::Image`] for images, [`Code::Missing`] for Docker.
pub async fn phase2(
    session: &Session,
    stack: &Arc<Native>,
    mut model: Model,
    offline: bool,
) -> anyhow::Result<Up> {
    let root = &session.run.root;
    let compose = Compose::find(&session.config).await?;
    let wanted = images::wanted(root, &session.config, None)?;
    let began = Instant::now();
    images::ensure(root, &session.config, &wanted, offline).await?;
    session.step("images", began.elapsed());
    let model_port = members::place_model(stack, &mut model)?;
    let began = Instant::now();
    let containers = Arc::new(Containers::new(&session.run, compose, wanted).await?);
    stack.own_containers(containers.clone());
    let found = provision::temporal(&session.config).await?;
    let model_up = async {
        let files = provision::model(&session.config, &model).await?;
        if let (Some(files), Some(port)) = (files, model_port) {
            members::start_model(stack, &files, &model, port).await?;
        }
        anyhow::Ok(())
    };
    let base = model.base_url.clone().context("the model has no address")?;
    let services_up = async {
        // The way to the model, and the health checks that run on this host, are built with everything else.
        if !session.wait_built().await {
            return Err(coded(
                Code::Fault,
                "not started, since the build did not finish",
            ));
        }
        let upstream = route(stack, &containers, &base).await?;
        start(session, stack, &containers, &model, &upstream).await
    };
    let (addresses, ()) = tokio::try_join!(services_up, model_up)?;
    let (server, address) = addresses;
    reach_model(stack, &containers, &model).await?;
    let parts = Arc::new(Parts::new(
        Bins::new(&session.config)?,
        Some(address.clone()),
        Some(model.clone()),
    ));
    let server = format!("http://{server}");
    parts.share(&server);
    let file = StackFile {
        run_id: session.run.id.clone(),
        phase: "phase2".into(),
        runtime: "docker".into(),
        server,
        temporal: Some(TemporalAt {
            address,
            namespace: services::NAMESPACE.into(),
            task_queue: services::TASK_QUEUE.into(),
            cli: found.bin.clone(),
        }),
        model: Some(ModelAt {
            kind: model.kind.word().into(),
            base_url: base,
            name: model.name.clone(),
        }),
        control: None,
        bin: Bin {
            stigmer: parts.bins.cli.clone(),
        },
        logs: stack.dir.join("logs"),
    };
    Ok(Up {
        parts,
        file,
        temporal: found,
        ready: began.elapsed(),
    })
}

/// The model's address as containers see it: one on this host's loopback is led to by a process of ours, which listens
/// on the run's bridge alone.
async fn route(stack: &Native, containers: &Containers, base: &str) -> anyhow::Result<String> {
    let Some((start, port, rest)) = loopback(base) else {
        return Ok(base.to_owned());
    };
    let Some(bridge) = containers.host.address() else {
        return Ok(format!("{start}host.docker.internal:{port}{rest}"));
    };
    let (from, asked) = (stack.port()?, stack.port()?);
    let bin = Bins::new(&stack.config)?.gateway();
    let asked = format!("127.0.0.1:{asked}");
    let command = Command::new(&bin)
        .args([
            "relay",
            "--port",
            asked.rsplit(':').next().unwrap_or_default(),
        ])
        .args([format!("--route={bridge}:{from}=127.0.0.1:{port}")]);
    let ready = Ready::Asked(Command::new(&bin).args(["healthcheck", "--address", &asked]));
    stack
        .start(
            "route",
            command,
            ready,
            stack.config.services.server.ready_limit(),
        )
        .await?;
    Ok(format!("{start}{bridge}:{from}{rest}"))
}

/// What is before, the port of, and what is after an address of this host's loopback.
fn loopback(url: &str) -> Option<(&str, u16, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (host, port) = authority
        .rsplit_once(':')
        .unwrap_or((authority, if scheme == "https" { "443" } else { "80" }));
    let here = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    here.then_some((&url[..scheme.len() + 3], port.parse().ok()?, path))
}

/// Compose, then everybody's readiness. The server's and Temporal's addresses on this host.
async fn start(
    session: &Session,
    stack: &Native,
    containers: &Containers,
    model: &Model,
    upstream: &str,
) -> anyhow::Result<(String, String)> {
    let mut command = containers
        .compose
        .up(&session.run.root, &containers.project);
    for image in containers.images() {
        command = command.env(image.part.variable(), &image.reference);
    }
    let [(_, run), (_, checkout), (_, owner)] = &containers.labels;
    command = command
        .env("E2E_CHECKOUT", checkout)
        .env("E2E_OWNER", owner)
        .env("E2E_NETWORK", &containers.project)
        .env("E2E_MODEL_UPSTREAM", upstream)
        .env("E2E_MODEL_NAME", &model.name)
        .env(
            "E2E_MODEL_MAX_TOKENS",
            stack.config.model.max_tokens.to_string(),
        )
        .secret(
            "STIGMER_LLM_API_KEY",
            model.key.as_deref().unwrap_or_default(),
        );
    debug_assert_eq!(run, &session.run.id);
    let command = session.run.own(command);
    let said = stack.dir.join("logs/compose.log");
    tokio::select! {
        done = attempt(&command, &said, UP) => done.map_err(|why| crate::engine::explain(&why, Code::NotReady, "compose up"))?,
        () = session.interrupt.reached(1) => return Err(coded(Code::Interrupted, "interrupted")),
    }
    let names = names(containers).await?;
    let name = |part: Part| {
        let found = names.iter().find(|(service, _)| service == part.name());
        found
            .map(|(_, name)| name.clone())
            .with_context(|| format!("Compose started no {}", part.name()))
    };
    let bins = Bins::new(&session.config)?;
    let limits = &stack.config.services;
    let follow = |part: Part| {
        anyhow::Ok(Life::Container(Container::follow(
            &stack.run,
            &name(part)?,
            part.name(),
            &stack.log(part.name()),
            false,
        )?))
    };
    let (temporal_name, server_name) = (name(Part::Temporal)?, name(Part::Server)?);
    // All logs first: a service that dies at once must still have one.
    let [server, runner, gateway, temporal] = [
        follow(Part::Server)?,
        follow(Part::Runner)?,
        follow(Part::Gateway)?,
        follow(Part::Temporal)?,
    ];
    let temporal_up = async {
        let address = published(&temporal_name, "7233/tcp")
            .await
            .unwrap_or_default();
        let home = stack.dir.join("data/temporal");
        std::fs::create_dir_all(&home).context("make a folder")?;
        let cli = provision::temporal(&session.config).await?.bin;
        let ready = Ready::Asked(temporal::health(&cli, &address, &home));
        stack
            .adopt(
                "temporal",
                temporal,
                Origin::Compose,
                ready,
                limits.temporal.ready_limit(),
            )
            .await?;
        anyhow::Ok(address)
    };
    let server_up = async {
        let address = published(&server_name, "7234/tcp")
            .await
            .unwrap_or_default();
        let ready = Ready::Asked(services::server_health(&bins.server, &address));
        stack
            .adopt(
                "server",
                server,
                Origin::Compose,
                ready,
                limits.server.ready_limit(),
            )
            .await?;
        anyhow::Ok(address)
    };
    let runner_up = async {
        let ready = Ready::Asked(health(&name(Part::Runner)?, Part::Runner));
        stack
            .adopt(
                "runner",
                runner,
                Origin::Compose,
                ready,
                limits.runner.ready_limit(),
            )
            .await
    };
    let gateway_up = async {
        let ready = Ready::Asked(health(&name(Part::Gateway)?, Part::Gateway));
        stack
            .adopt(
                "gateway",
                gateway,
                Origin::Compose,
                ready,
                limits.model.ready_limit(),
            )
            .await
    };
    let (address, server, (), ()) =
        tokio::try_join!(temporal_up, server_up, runner_up, gateway_up)?;
    for (at, inside) in [(&address, "temporal:7233"), (&server, "server:7234")] {
        if let Some(port) = at.rsplit(':').next().and_then(|port| port.parse().ok()) {
            containers.publish(port, inside);
        }
    }
    Ok((server, address))
}

/// Compose's containers: service and name.
async fn names(containers: &Containers) -> anyhow::Result<Vec<(String, String)>> {
    let filter = format!("label=com.docker.compose.project={}", containers.project);
    let format = "{{.Label \"com.docker.compose.service\"}} {{.Names}}";
    let command = crate::engine::docker([
        "container",
        "ls",
        "--all",
        "--filter",
        &filter,
        "--format",
        format,
    ]);
    let said = crate::engine::ask(command, crate::engine::ANSWER, Code::NotReady).await?;
    Ok(said
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(service, name)| (service.to_owned(), name.to_owned()))
        .collect())
}

/// The runner's own client asks the model, from where the runner is.
async fn reach_model(stack: &Native, containers: &Containers, model: &Model) -> anyhow::Result<()> {
    let names = names(containers).await?;
    let runner = names
        .iter()
        .find(|(service, _)| service == "runner")
        .map(|(_, name)| name.as_str())
        .unwrap_or_default();
    let check = stack
        .run
        .own(health(runner, Part::Runner).args(["--model"]));
    let said = stack.dir.join("data/tmp/model-route.health");
    tokio::select! {
        asked = attempt(&check, &said, ROUTE) => asked.map_err(|why| {
            coded(Code::NotReady, stack.run.redact(&format!("the model {} does not answer the runner through the gateway: {why}", model.name)))
        }),
        () = stack.interrupt.reached(1) => Err(coded(Code::Interrupted, "interrupted")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_host() {
        assert_eq!(
            loopback("http://127.0.0.1:5/v1"),
            Some(("http://", 5, "/v1"))
        );
        assert_eq!(
            loopback("http://localhost/v1"),
            Some(("http://", 80, "/v1"))
        );
        assert_eq!(loopback("https://api.example.org/v1"), None);
    }
}
