//! Phase 2's stack in containers: network and model while the images are made sure of, then Compose, then each
//! service's readiness by its own health check.

use super::Containers;
use super::client::Compose;
use super::inside::health;
use super::{route, start};
use crate::docker;
use crate::e2e::bring_up::{self, Up};
use crate::e2e::live::{Live, Plan};
use crate::e2e::provision;
use crate::e2e::session::Session;
use crate::exit::{Code, coded};
use crate::images;
use crate::model::Model;
use crate::process::attempt;
use crate::stack::file::{GatewayAt, ModelAt, StackFile, TemporalAt, ToolsAt};
use crate::stack::members;
use crate::stack::native::Native;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The path from the runner through the gateway to the model.
const ROUTE: Duration = Duration::from_secs(30);

/// Brings it up.
///
/// # Errors
/// As the native one; [`Code::Image`] for images, [`Code::Missing`] for Docker.
pub async fn phase2(session: &Session, stack: &Arc<Native>, mut plan: Plan) -> anyhow::Result<Up> {
    let root = &session.run.root;
    let compose = Compose::get(&session.config).await?;
    let wanted = images::wanted(root, &session.config, None)?;
    let began = Instant::now();
    images::ensure(root, &session.config, &wanted, session.config.offline).await?;
    session.step("images", began.elapsed());
    // Who Temporal is, is known when Compose has started it.
    let (mut parts, model_port) = bring_up::place(session, stack, &mut plan, None)?;
    let (mode, base) = (
        plan.mode.gateway(),
        plan.live.model().and_then(|model| model.base_url.clone()),
    );
    let began = Instant::now();
    let containers =
        Arc::new(Containers::new(&session.run, compose, images::for_tests(&wanted)).await?);
    stack.own_containers(containers.clone());
    let found = provision::temporal(&session.config).await?;
    let model_up = async {
        let files = bring_up::model_files(session, &mut plan).await?;
        if let (Live::There(model), Some(files), Some(port)) = (&plan.live, files, model_port) {
            members::start_model(stack, &files, model, port).await?;
        }
        anyhow::Ok(())
    };
    let services_up = async {
        // The way to the model, and the health checks that run on this host, are built with everything else.
        if !session.wait_built().await {
            return Err(coded(
                Code::Fault,
                "not started, since the build did not finish",
            ));
        }
        let upstream = match &base {
            Some(base) => Some(route::open(stack, &containers, base).await?),
            None => None,
        };
        let told = start::Told {
            parts: &parts,
            mode,
            upstream: upstream.as_deref(),
            temporal: &found.bin,
        };
        let all = start::all(session, stack, &containers, &told).await;
        all.map_err(|error| match docker::is_silent(&error) {
            true => docker::gone("while the services were started"),
            false => error,
        })
    };
    let (at, ()) = tokio::try_join!(services_up, model_up)?;
    if let Live::There(model) = &plan.live {
        reach_model(stack, &at.runner, model).await?;
    }
    let (server, gateway) = (
        format!("http://{}", at.server),
        format!("http://{}/v1", at.gateway),
    );
    parts.temporal = Some(at.temporal.clone());
    parts.share(&server);
    parts.gateway.set(gateway.clone())?;
    let file = StackFile {
        temporal: Some(TemporalAt::ours(at.temporal, found.bin.clone())),
        gateway: Some(GatewayAt {
            base_url: gateway,
            mode: mode.into(),
        }),
        tools: Some(ToolsAt {
            stdio: "/mcp-probe".into(),
            http: "http://tools:8080/mcp".into(),
        }),
        model: plan.live.model().map(ModelAt::of),
        ..StackFile::ours(stack, &parts, server)
    };
    Ok(Up {
        parts: Arc::new(parts),
        file,
        temporal: found,
        live: plan.live,
        ready: began.elapsed(),
    })
}

/// The runner's own client asks the model, from where the runner is.
async fn reach_model(stack: &Native, runner: &str, model: &Model) -> anyhow::Result<()> {
    let check = stack
        .run
        .own(health(runner, "agent-runner").args(["--model"]));
    let said = stack.dir.join("data/tmp/model-route.health");
    tokio::select! {
        asked = attempt(&check, &said, ROUTE) => asked.map_err(|why| {
            coded(Code::NotReady, stack.run.redact(&format!("the model {} does not answer the runner through the gateway: {why}", model.name)))
        }),
        () = stack.interrupt.reached(1) => Err(coded(Code::Interrupted, "interrupted")),
    }
}
