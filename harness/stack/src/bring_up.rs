//! Phase 2's stack, in both runtimes: everything at once, each as soon as what it really needs is there.

use crate::compose;
use crate::file::{
    CommandLine, Endpoints, GatewayEndpoint, McpEndpoint, ModelEndpoint, Runtime, StackFile,
    TemporalEndpoint,
};
use crate::member::Owner;
use crate::service::Place;
use crate::services::runner::MODEL_HEALTH;
use crate::stack::Stack;
use crate::start::{self, Own};
use crate::wiring::{Ports, RunnerModel, Wiring};
use anyhow::Context;
use harness_base::{Code, Command, code_of, coded, random, run_to_end};
use harness_provision::{
    Binary, Found, LiveModel, Model, ModelFiles, ModelKind, ModelPlan, Program, programs,
    python_tools,
};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A phase 2 stack that is ready.
#[derive(Debug)]
pub struct Up {
    /// What instances of tests' own need.
    pub wiring: Arc<Wiring>,
    /// Without the control address.
    pub file: StackFile,
    /// Temporal, for people.
    pub temporal: Found,
    /// Temporal's web page, where it has one.
    pub web: Option<String>,
    /// The model, or why there is none.
    pub live: LiveModel,
    /// From the first start to the last readiness; zero where it was there.
    pub ready: Duration,
    /// What of it differs from the present sources, a line each.
    pub remarks: Vec<String>,
}

/// Brings it up. Temporal and the model do not wait for the build. Nobody but the live lane's own check waits for the
/// model.
///
/// # Errors
/// The first service that died or stayed unready; what was started is in `stack`, for its `down`. [`Code::Image`] for
/// images, [`Code::Missing`] for what cannot be had.
pub async fn phase2(
    stack: &Arc<Stack>,
    mut plan: ModelPlan,
    runtime: Runtime,
    ports: Ports,
) -> anyhow::Result<Up> {
    let first = FirstStart::default();
    let port = place_model(stack, &mut plan)?;
    let key = random::secret()?;
    stack.context.run.keep_secret(&key);
    let config = &stack.context.config;
    let live = plan.live.model();
    let mut wiring = Wiring::whole(
        key,
        RunnerModel::of(live, config),
        plan.mode.gateway(),
        config.model.max_tokens,
    );
    wiring.ports = ports;
    wiring.upstream = live.and_then(|model| model.base_url.clone());
    if runtime == Runtime::Docker {
        compose::prepare(stack, &mut wiring).await?;
    }
    let wiring = Arc::new(wiring);
    let model_up = async {
        let files = model_files(stack, &mut plan).await?;
        if let (LiveModel::Available(model), Some(files), Some(port)) = (&plan.live, files, port) {
            first.now();
            start::model(stack, &wiring, &files, model, port).await?;
        }
        anyhow::Ok(())
    };
    let services_up = async {
        match stack.containers() {
            Some(containers) => {
                first.now();
                compose::up(stack, containers, &wiring).await
            }
            None => processes(stack, &wiring, &first).await,
        }
    };
    let ((temporal, endpoints), ()) = tokio::try_join!(services_up, model_up)?;
    if let LiveModel::Available(model) = &plan.live {
        model_answers(stack, &wiring, model).await?;
    }
    let ready = first.elapsed();
    let file = StackFile {
        temporal: Some(TemporalEndpoint::ours(
            endpoints.temporal,
            temporal.bin.clone(),
        )),
        gateway: Some(GatewayEndpoint {
            base_url: endpoints.gateway,
            mode: wiring.gateway_mode,
        }),
        mcp: Some(endpoints.mcp),
        model: plan.live.model().map(ModelEndpoint::of),
        ..StackFile::ours(stack, endpoints.server)?
    };
    Ok(Up {
        wiring,
        file,
        temporal,
        web: endpoints.web,
        live: plan.live,
        ready,
        remarks: Vec::new(),
    })
}

/// When the first service was started.
#[derive(Debug, Default)]
struct FirstStart(Mutex<Option<Instant>>);

impl FirstStart {
    fn now(&self) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(Instant::now);
    }

    fn elapsed(&self) -> Duration {
        let first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.map_or(Duration::ZERO, |first| first.elapsed())
    }
}

/// Gives the embedded model an address and a key of this run; its port.
fn place_model(stack: &Stack, plan: &mut ModelPlan) -> anyhow::Result<Option<u16>> {
    let LiveModel::Available(model) = &mut plan.live else {
        return Ok(None);
    };
    if model.kind != ModelKind::Embedded {
        if let Some(key) = &model.key {
            stack.context.run.keep_secret(key);
        }
        return Ok(None);
    }
    let (port, key) = (stack.port()?, random::secret()?);
    stack.context.run.keep_secret(&key);
    model.base_url = Some(format!("http://127.0.0.1:{port}/v1"));
    model.key = Some(key);
    Ok(Some(port))
}

/// The embedded model's files, or a plan without a model: what cannot be fetched costs the live lane, no more.
async fn model_files(stack: &Stack, plan: &mut ModelPlan) -> anyhow::Result<Option<ModelFiles>> {
    let LiveModel::Available(model) = plan.live.clone() else {
        return Ok(None);
    };
    if model.kind != ModelKind::Embedded {
        return Ok(None);
    }
    let context = &stack.context;
    let obtain = python_tools::obtain_model(&context.config);
    match context.timed("tools: model", obtain).await {
        Err(error) if code_of(&error) != Code::Interrupted => {
            plan.without(&model, &format!("{error:#}"))?;
            Ok(None)
        }
        files => files.map(Some),
    }
}

/// As processes: the server, the gateway and the MCP server wait for the build and for nothing else, the runner for the
/// addresses of the first two.
async fn processes(
    stack: &Stack,
    wiring: &Wiring,
    first: &FirstStart,
) -> anyhow::Result<(Found, Endpoints)> {
    let context = &stack.context;
    let port = match wiring.ports.temporal {
        Some(port) => port,
        None => stack.port()?,
    };
    wiring.set_temporal(&format!("127.0.0.1:{port}"));
    let web = match stack.stay() {
        Some(stay) if stay.web => Some(stack.port()?),
        _ => None,
    };
    let temporal_up = watch::channel(false).0;
    let temporal = async {
        let obtain = programs::obtain(&context.config, Program::Temporal);
        let found = context.timed("tools: temporal", obtain).await?;
        first.now();
        let address = start::temporal(stack, wiring, &found.bin, port, web).await?;
        temporal_up.send_replace(true);
        anyhow::Ok((found, address))
    };
    let one = async |binary: Binary, name: &str| {
        context.wait_built().await?;
        if start::needs_temporal(stack, binary) {
            // Whoever could never say so fails the start as a whole.
            let _ = temporal_up.subscribe().wait_for(|up| *up).await;
        }
        first.now();
        let address =
            start::service(stack, wiring, binary, name, Owner::Shared, Own::default()).await?;
        anyhow::Ok(address)
    };
    let serving = async |binary: Binary, name: &str| {
        let address = one(binary, name).await?;
        let address = address.with_context(|| format!("{name} announced no address"))?;
        anyhow::Ok(format!("http://{address}"))
    };
    let ours = async {
        let (server, gateway) = tokio::try_join!(
            serving(Binary::Server, "server"),
            serving(Binary::Gateway, "gateway")
        )?;
        let gateway = format!("{gateway}/v1");
        wiring.set_server(&server);
        wiring.set_gateway(&gateway);
        one(Binary::Runner, "runner").await?;
        anyhow::Ok((server, gateway))
    };
    let time = async { anyhow::Ok(python_tools::obtain_mcp_time(&context.config).await) };
    let ((found, temporal), mcp, (server, gateway), time) =
        tokio::try_join!(temporal, serving(Binary::Mcp, "mcp"), ours, time)?;
    let artifacts = context.wait_built().await?;
    let mcp = McpEndpoint {
        stdio: Binary::Mcp.path(&context.config, &artifacts)?,
        http: format!("{mcp}/mcp"),
        time: time.map(|(python, folder)| time_server(python, &folder)),
    };
    let endpoints = Endpoints {
        server,
        temporal,
        gateway,
        mcp,
        web: web.map(|port| format!("http://127.0.0.1:{port}")),
    };
    Ok((found, endpoints))
}

/// It sees its own folder and nothing of the user's Python.
fn time_server(python: PathBuf, folder: &Path) -> CommandLine {
    let start =
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from mcp_server_time import main; main()";
    let folder = folder.to_string_lossy();
    CommandLine {
        command: python,
        args: ["-I", "-S", "-c", start, &folder, "--local-timezone=Etc/UTC"]
            .map(str::to_owned)
            .into(),
    }
}

/// It is loaded, then the runner's own client asks it through the gateway, from where the runner is.
async fn model_answers(stack: &Stack, wiring: &Wiring, model: &Model) -> anyhow::Result<()> {
    let context = &stack.context;
    let limit = context.config.services.model.ready_limit();
    let at = model.base_url.as_deref().unwrap_or_default();
    let not_ready = |what: String| {
        let text = format!("the model {} at {at} {what}", model.name);
        coded(Code::NotReady, context.run.redact(&text))
    };
    let load = async {
        let loaded = model.load(limit).await;
        loaded.map_err(|why| not_ready(format!("does not load: {why:#}")))
    };
    // After the build, since a server may forget again what nobody asks for minutes.
    context.timed("model: load", load).await?;
    if Binary::Runner.guest(&context.config).is_some() {
        return Ok(()); // it has no check of ours: its first answer shows
    }
    let check = match stack.containers() {
        Some(_) => compose::exec_in(stack, "runner", Binary::Runner, &MODEL_HEALTH)?,
        None => {
            let dir = stack.dir.join("data/runner");
            let spec = start::spec(
                stack,
                wiring,
                Binary::Runner,
                Place::Process { dir: &dir, port: 0 },
            )?;
            Command {
                program: stack.binary(Binary::Runner)?,
                args: MODEL_HEALTH.map(str::to_owned).into(),
                ..spec.command
            }
        }
    };
    let check = context.run.own(check);
    let said = stack.dir.join("data/tmp/model-route.health");
    tokio::select! {
        asked = run_to_end(&check, &said, limit) => asked.map_err(|why| {
            not_ready(format!("does not answer the runner through the gateway: {why}"))
        }),
        () = context.interrupt.reached(1) => Err(coded(Code::Interrupted, "interrupted")),
    }
}
