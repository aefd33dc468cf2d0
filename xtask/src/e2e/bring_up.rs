//! Phase 2's stack: everything at once, each as soon as what it really needs is there.

use super::live::{Live, Plan};
use super::provision::{self, Found};
use super::session::Session;
use crate::exit::{Code, code_of, coded};
use crate::model::{Kind, Model};
use crate::process::attempt;
use crate::random;
use crate::stack::bins::Bins;
use crate::stack::file::{GatewayAt, ModelAt, StackFile, TemporalAt, ToolsAt};
use crate::stack::members::{self, ModelFiles};
use crate::stack::native::Native;
use crate::stack::parts::{Asked, Parts};
use crate::stack::services;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A phase 2 stack that is ready.
#[derive(Debug)]
pub struct Up {
    /// What private instances need.
    pub parts: Arc<Parts>,
    /// Without the control address.
    pub file: StackFile,
    /// Temporal, for people.
    pub temporal: Found,
    /// The model, or why there is none.
    pub live: Live,
    /// From the first start to the last readiness.
    pub ready: Duration,
}

/// Gives the model an address, and the run its keys.
///
/// # Errors
/// When there is no port or no random bytes.
pub fn place(
    session: &Session,
    stack: &Native,
    plan: &mut Plan,
    temporal: Option<String>,
) -> anyhow::Result<(Parts, Option<u16>)> {
    let port = match &mut plan.live {
        Live::There(model) => members::place_model(stack, model)?,
        Live::Not(_) => None,
    };
    let key = random::secret()?;
    session.run.keep_secret(&key);
    let asked = Asked::of(plan.live.model(), &session.config);
    let parts = Parts::whole(Bins::new(&session.config)?, temporal, Some(key), asked);
    Ok((parts, port))
}

/// The model's files, or a plan without a model: what cannot be fetched costs the live lane, no more.
///
/// # Errors
/// [`Code::Missing`] where a model is required.
pub async fn model_files(session: &Session, plan: &mut Plan) -> anyhow::Result<Option<ModelFiles>> {
    let Live::There(model) = plan.live.clone() else {
        return Ok(None);
    };
    let fetched = timed(
        session,
        "tools: model",
        provision::model(&session.config, &model),
    );
    match fetched.await {
        Err(error) if code_of(&error) != Code::Interrupted => {
            plan.without(&model, &format!("{error:#}"))?;
            Ok(None)
        }
        files => files,
    }
}

/// Brings it up. Temporal and the model do not wait for the build; the server, the gateway and the tools wait for nothing
/// else; the runner waits for the addresses of the first two. Nobody but the live lane's own check waits for the model.
///
/// # Errors
/// The first service that died or stayed unready; what was started is in `stack`, for its `down`.
pub async fn phase2(session: &Session, stack: &Arc<Native>, mut plan: Plan) -> anyhow::Result<Up> {
    let address = format!("127.0.0.1:{}", stack.port()?);
    let (parts, model_port) = place(session, stack, &mut plan, Some(address.clone()))?;
    let (parts, mode) = (Arc::new(parts), plan.mode.gateway());
    let upstream = plan.live.model().and_then(|model| model.base_url.clone());
    let first = Mutex::new(None::<Instant>);
    let starts = || {
        if let Ok(mut first) = first.lock() {
            first.get_or_insert_with(Instant::now);
        }
    };
    let temporal = async {
        let found = timed(
            session,
            "tools: temporal",
            provision::temporal(&session.config),
        )
        .await?;
        starts();
        members::start_temporal(stack, &found.bin, &address).await?;
        anyhow::Ok(found)
    };
    // Whoever needs the gateway first starts it.
    let gateway = || {
        parts.gateway.get_or_try_init(|| async {
            built(session).await?;
            starts();
            members::start_gateway(stack, &parts, upstream.as_deref(), mode).await
        })
    };
    let model_up = async {
        let files = model_files(session, &mut plan).await?;
        let Live::There(model) = &plan.live else {
            return Ok(());
        };
        if let (Some(files), Some(port)) = (files, model_port) {
            starts();
            members::start_model(stack, &files, model, port).await?;
        }
        gateway().await?;
        model_answers(stack, &parts, model).await
    };
    let tools = async {
        built(session).await?;
        starts();
        members::start_tools(stack, &parts).await
    };
    let ours = async {
        built(session).await?;
        starts();
        let server = members::start_server(stack, &parts, "server", &[]);
        let (server, gateway) = tokio::try_join!(server, gateway())?;
        parts.share(&server);
        members::start_runner(stack, &parts, "runner", &server, &[]).await?;
        anyhow::Ok((server, gateway.clone()))
    };
    let (found, (), tools, (server, gateway)) = tokio::try_join!(temporal, model_up, tools, ours)?;
    let ready = first
        .lock()
        .ok()
        .and_then(|first| *first)
        .map_or(Duration::ZERO, |first| first.elapsed());
    let file = StackFile {
        temporal: Some(TemporalAt::ours(address, found.bin.clone())),
        gateway: Some(GatewayAt {
            base_url: gateway,
            mode: mode.into(),
        }),
        tools: Some(ToolsAt {
            stdio: parts.bins.tools.clone(),
            http: tools,
        }),
        model: plan.live.model().map(ModelAt::of),
        ..StackFile::ours(stack, &parts, server)
    };
    Ok(Up {
        parts,
        file,
        temporal: found,
        live: plan.live,
        ready,
    })
}

async fn built(session: &Session) -> anyhow::Result<()> {
    // The build reports itself; this only ends what waited for it.
    if session.wait_built().await {
        Ok(())
    } else {
        Err(coded(
            Code::Fault,
            "not started, since the build did not finish",
        ))
    }
}

/// The runner's own client asks the model through the gateway, wherever it is.
async fn model_answers(stack: &Native, parts: &Parts, model: &Model) -> anyhow::Result<()> {
    let at = services::RunnerAt {
        server: "http://127.0.0.1:9", // not asked
        temporal: parts.temporal.as_deref().unwrap_or_default(),
        model_url: parts.gateway.get().map_or("", String::as_str),
        model_name: &model.name,
        model_key: model.key.as_deref(),
        runner_key: None,
        max_tokens: stack.config.model.max_tokens,
        announce: &stack.dir, // nor this
    };
    let check = stack.run.own(services::model_health(&services::runner(
        &parts.bins.runner,
        &at,
    )));
    let said = stack.dir.join("data/tmp/model-route.health");
    let limit = if model.kind == Kind::Embedded {
        Duration::from_secs(5)
    } else {
        stack.config.services.model.ready_limit()
    };
    tokio::select! {
        asked = attempt(&check, &said, limit) => asked.map_err(|why| {
            coded(Code::NotReady, stack.run.redact(&format!("the model {} at {} does not answer the runner through the gateway: {why}", model.name, model.base_url.as_deref().unwrap_or_default())))
        }),
        () = stack.interrupt.reached(1) => Err(coded(Code::Interrupted, "interrupted")),
    }
}

async fn timed<T>(
    session: &Session,
    name: &str,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let began = Instant::now();
    let done = tokio::select! {
        done = work => done,
        () = session.interrupt.reached(1) => Err(coded(Code::Interrupted, "interrupted while tools were fetched")),
    };
    session.step(name, began.elapsed());
    done
}
