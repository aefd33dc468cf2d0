//! Life of the runner: connect, poll, drain, end.

use std::{fs, sync::Arc, time::Duration};

use agent_tools::{CLOSE_GRACE, Tools};
use anyhow::Context;
use service_kit::{Stop, announce};
use temporalio_client::Client;
use temporalio_common::worker::WorkerDeploymentOptions;
use temporalio_sdk::{Runtime, Worker, WorkerOptions, runtime::RuntimeOptions};
use tokio::sync::mpsc;

use crate::{
    activities::{AgentActivities, panics},
    backend::Backend,
    config::Run,
    execution_data::cache::Cache,
    graphton::{GraphtonActivities, GraphtonExecution},
    model::Model,
    reaper,
    workflow::{AgentExecution, SubAgentExecution},
};

/// How long after the drain a deaf activity may keep the process, or MCP servers that do not end:
/// who exits before these are killed leaves them behind.
const HARD_EXIT: Duration = CLOSE_GRACE.saturating_add(Duration::from_secs(2));
/// Pause between two attempts to reach Temporal; nothing tells us when it is up.
const RECONNECT: Duration = Duration::from_millis(50);

pub(crate) async fn run(config: Run) -> anyhow::Result<()> {
    let mut stop = Stop::install()?;

    let tools = Tools::with_limits(config.work_dir.clone(), config.mcp.limits())?;
    let backend = Backend::new(&config.backend, config.runner_key.as_deref())?;
    let cache = Arc::new(Cache::default());
    panics::install(Arc::clone(&cache));
    let (exports, mut exported) = mpsc::channel(1);
    let activities = AgentActivities {
        backend: backend.clone(),
        llm: Model::new(&config.llm)?,
        tools: tools.clone(),
        cache: Arc::clone(&cache),
        own: config.own,
        default_model: config.llm.model.clone(),
        exports,
    };
    anyhow::ensure!(
        config.temporal.is_configured(),
        "no Temporal is configured: set TEMPORAL_ADDRESS to HOST:PORT"
    );
    config.temporal.check()?;
    let identity = identity();
    let client = tokio::select! {
        client = connect(&config, &identity) => client?,
        () = stop.asked() => return Ok(()),
    };
    let queue = config.temporal.task_queue.clone();
    let graphton = GraphtonActivities {
        backend: backend.clone(),
    };
    let mut worker = worker(client, &config, activities, graphton)?;
    announce(&identity, config.announce_file.as_deref())?;
    tracing::info!(
        queue,
        identity,
        temporal = config.temporal.address(),
        "polling"
    );

    tokio::spawn(reaper::run(backend, tools.clone(), cache));
    let drain = worker.shutdown_handle();
    let hard_exit = config.drain() + HARD_EXIT;
    tokio::spawn(async move {
        stop.asked().await;
        tracing::info!("draining");
        drain();
        tokio::time::sleep(hard_exit).await;
        tracing::error!("some work did not let go within {hard_exit:?}");
        std::process::exit(1);
    });
    let ran = worker.run().await.context("the worker failed");
    tools.close_all().await;
    // With the worker go its activities; what is left has nothing more to send.
    drop(worker);
    let _ = tokio::time::timeout(otlp::END, exported.recv()).await;
    ran
}

fn worker(
    client: Client,
    config: &Run,
    activities: AgentActivities,
    graphton: GraphtonActivities,
) -> anyhow::Result<Worker> {
    let options = RuntimeOptions::builder().heartbeat_interval(None).build();
    let runtime = Runtime::from_current_tokio(options.map_err(anyhow::Error::msg)?)?;
    // Without a build id of ours the SDK reads the whole executable to make one.
    let build_id = concat!("agent-runner-", env!("CARGO_PKG_VERSION")).to_owned();
    let options = WorkerOptions::new(&config.temporal.task_queue)
        .deployment_options(WorkerDeploymentOptions::from_build_id(build_id))
        .graceful_shutdown_period(config.drain())
        // A dead runner's queue is given up after this; the default of 10 s is what a kill costs.
        .sticky_queue_schedule_to_start_timeout(Duration::from_millis(500))
        // How soon a running activity hears of its cancellation.
        .max_heartbeat_throttle_interval(Duration::from_millis(200))
        .register_workflow::<AgentExecution>()?
        .register_workflow::<SubAgentExecution>()?
        .register_workflow::<GraphtonExecution>()?
        .register_activities(activities)
        .register_activities(graphton)
        .build();
    Worker::new(&runtime, client, options).map_err(|e| anyhow::anyhow!("cannot make a worker: {e}"))
}

/// Tries until Temporal answers: it may be started after us.
async fn connect(config: &Run, identity: &str) -> anyhow::Result<Client> {
    let mut told = false;
    loop {
        match config.temporal.connect(identity).await {
            Ok(client) => return Ok(client),
            Err(error) if !told => {
                tracing::warn!("waiting: {error:#}");
                told = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

/// This process among all runners of a queue.
fn identity() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host.or_else(|| std::env::var("HOSTNAME").ok());
    let host = host.as_deref().map_or("localhost", str::trim);
    let started = chrono::Utc::now().timestamp_micros();
    format!("agent-runner/{host}/{}/{started}", std::process::id())
}
