//! Phase 2's stack: everything at once, each as soon as what it really needs is there.

use super::provision::{self, Found};
use super::session::Session;
use crate::exit::{Code, coded};
use crate::model::{Kind, Model};
use crate::process::attempt;
use crate::stack::bins::Bins;
use crate::stack::members::{self, Parts};
use crate::stack::native::Native;
use crate::stack::{Bin, ModelAt, StackFile, TemporalAt, services};
use anyhow::Context;
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
    /// From the first start to the last readiness.
    pub ready: Duration,
}

/// Brings it up. Temporal and the model do not wait for the build; the server and the runner wait for nothing else.
///
/// # Errors
/// The first service that died or stayed unready; what was started is in `stack`, for its `down`.
pub async fn phase2(
    session: &Session,
    stack: &Arc<Native>,
    mut model: Model,
) -> anyhow::Result<Up> {
    let (temporal_port, model_port) = (stack.port()?, members::place_model(stack, &mut model)?);
    let address = format!("127.0.0.1:{temporal_port}");
    let parts = Arc::new(Parts::new(
        Bins::new(&session.config)?,
        Some(address.clone()),
        Some(model.clone()),
    ));
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
    let model_up = async {
        let files = timed(
            session,
            "tools: model",
            provision::model(&session.config, &model),
        )
        .await?;
        if let (Some(files), Some(port)) = (files, model_port) {
            starts();
            members::start_model(stack, &files, &model, port).await?;
        }
        built(session).await?;
        model_answers(stack, &parts, &model).await
    };
    let ours = async {
        built(session).await?;
        starts();
        let server = members::start_server(stack, &parts, "server", &[]).await?;
        parts.share(&server);
        members::start_runner(stack, &parts, "runner", &server, &[]).await?;
        anyhow::Ok(server)
    };
    let (found, (), server) = tokio::try_join!(temporal, model_up, ours)?;
    let ready = first
        .lock()
        .ok()
        .and_then(|first| *first)
        .map_or(Duration::ZERO, |first| first.elapsed());
    let file = StackFile {
        run_id: session.run.id.clone(),
        phase: "phase2".into(),
        runtime: "native".into(),
        server,
        temporal: Some(TemporalAt {
            address,
            namespace: services::NAMESPACE.into(),
            task_queue: services::TASK_QUEUE.into(),
            cli: found.bin.clone(),
        }),
        model: Some(ModelAt {
            kind: model.kind.word().into(),
            base_url: model.base_url.clone().unwrap_or_default(),
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

/// The runner's own client asks the model, wherever it is.
async fn model_answers(stack: &Native, parts: &Parts, model: &Model) -> anyhow::Result<()> {
    let at = services::RunnerAt {
        server: "http://127.0.0.1:9", // not asked
        temporal: parts.temporal.as_deref().unwrap_or_default(),
        model_url: model
            .base_url
            .as_deref()
            .context("the model has no address")?,
        model_name: &model.name,
        model_key: model.key.as_deref(),
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
            coded(Code::NotReady, stack.run.redact(&format!("the model {} at {} does not answer the runner: {why}", model.name, at.model_url)))
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
