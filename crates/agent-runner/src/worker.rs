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
/// After so many attempts the pauses double: a Temporal that is started with us is there within the
/// first second, and one that is not may be away for long.
const QUICK_ATTEMPTS: u32 = 20;
/// The longest of these pauses.
const LONGEST_RECONNECT: Duration = Duration::from_secs(2);

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
        client = connect(&config, &identity) => client,
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

/// Tries until Temporal answers: it may be started after us. What can never work was refused before.
async fn connect(config: &Run, identity: &str) -> Client {
    let attempt = || config.temporal.connect(identity);
    until_done(attempt, |why| tracing::warn!("waiting: {why}")).await
}

/// Tries until it comes off, and tells why it did not: once, until there is another reason.
async fn until_done<T>(
    mut attempt: impl AsyncFnMut() -> anyhow::Result<T>,
    mut tell: impl FnMut(&str),
) -> T {
    let mut last = String::new();
    let mut failed = 0_u32;
    loop {
        let why = match attempt().await {
            Ok(done) => return done,
            Err(error) => format!("{error:#}"),
        };
        if why != last {
            tell(&why);
            last = why;
        }
        failed = failed.saturating_add(1);
        tokio::time::sleep(pause(failed)).await;
    }
}

/// The pause after so many attempts that failed.
fn pause(failed: u32) -> Duration {
    let doublings = failed.saturating_sub(QUICK_ATTEMPTS);
    let longer = RECONNECT.saturating_mul(2_u32.saturating_pow(doublings));
    longer.min(LONGEST_RECONNECT)
}

/// This process among all runners of a queue.
fn identity() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host.or_else(|| std::env::var("HOSTNAME").ok());
    let host = host.as_deref().map_or("localhost", str::trim);
    let started = chrono::Utc::now().timestamp_micros();
    format!("agent-runner/{host}/{}/{started}", std::process::id())
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use anyhow::anyhow;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_temporal_tells_each_new_reason_and_asks_less_and_less_often() {
        let began = Instant::now();
        let mut attempts = Vec::new();
        let attempt = || {
            let at = began.elapsed();
            attempts.push(at);
            ready(match at.as_secs() {
                0..5 => Err(anyhow!("Connection refused")),
                5..50 => Err(anyhow!("UnknownIssuer").context("cannot reach Temporal")),
                50..100 => Err(anyhow!("Connection refused")),
                _ => Ok(()),
            })
        };
        let mut told = Vec::new();
        until_done(attempt, |why| told.push(why.to_owned())).await;
        let refused = "Connection refused";
        let untrusted = "cannot reach Temporal: UnknownIssuer";
        assert_eq!(told, [refused, untrusted, refused]);
        let first = attempts.iter().filter(|at| at.as_millis() < 995);
        assert_eq!(first.count(), 20, "{attempts:?}");
        // At 1, 1.1, 1.3, 1.7, 2.5, 4.1 s, and then every two seconds.
        assert_eq!(attempts.len(), 20 + 6 + 48, "{attempts:?}");
    }

    #[test]
    fn pauses_double_up_to_a_limit() {
        for (failed, ms) in [
            (1, 50),
            (20, 50),
            (21, 100),
            (22, 200),
            (25, 1600),
            (26, 2000),
            (27, 2000),
            (u32::MAX, 2000),
        ] {
            assert_eq!(pause(failed), Duration::from_millis(ms), "{failed}");
        }
    }
}
