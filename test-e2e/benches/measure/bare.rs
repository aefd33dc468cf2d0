//! Workflows that do nothing: what Temporal takes by itself, for a worker made as the runner's is.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, GrpcCompression,
    WorkflowGetResultOptions, WorkflowStartOptions,
};
use temporalio_common::worker::WorkerDeploymentOptions;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, LocalActivityOptions, Runtime, Worker, WorkerOptions, WorkflowContext,
    WorkflowContextView, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    runtime::RuntimeOptions,
};
use test_e2e::{Event, Stack, TemporalEndpoint, unique};

/// No activity takes so long.
const LONG: Duration = Duration::from_secs(60);

/// How many activities a workflow has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Activities {
    /// Given out by Temporal.
    pub(crate) given_out: usize,
    /// Done by the worker that has the workflow's task.
    pub(crate) local: usize,
}

impl Activities {
    /// As many as a workflow with this history had.
    pub(crate) fn of(history: &[Event]) -> Self {
        let count = |kind: &str| history.iter().filter(|event| event.kind() == kind).count();
        Self {
            given_out: count("ACTIVITY_TASK_SCHEDULED"),
            local: count("MARKER_RECORDED"),
        }
    }
}

pub(crate) struct Nothing;

#[activities]
impl Nothing {
    #[activity]
    pub(crate) async fn nothing(_ctx: ActivityContext) -> Result<(), ActivityError> {
        Ok(())
    }
}

#[workflow]
pub(crate) struct Idle {
    activities: Activities,
}

#[workflow_methods]
impl Idle {
    #[init]
    fn new(_ctx: &WorkflowContextView, activities: Activities) -> Self {
        Self { activities }
    }

    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let Activities { given_out, local } = ctx.state(|s| s.activities);
        for _ in 0..given_out {
            let options = ActivityOptions::with_start_to_close_timeout(LONG).build();
            ctx.execute_activity(Nothing::nothing, (), options).await?;
        }
        for _ in 0..local {
            let options = LocalActivityOptions::builder()
                .start_to_close_timeout(LONG)
                .build();
            ctx.execute_local_activity(Nothing::nothing, (), options)
                .await?;
        }
        Ok(())
    }
}

/// A client and a worker of bare workflows.
pub(crate) struct Bare {
    client: Client,
    queue: String,
}

impl Bare {
    /// Starts the worker, which works as long as this process does.
    pub(crate) async fn start(stack: &Stack) -> Result<Self> {
        let at = stack
            .temporal
            .clone()
            .context("this stack has no Temporal")?;
        let queue = unique("bare");
        let (client, own) = (connect(&at).await?, queue.clone());
        // A worker's futures stay on their thread.
        std::thread::Builder::new().spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build();
            let runtime = runtime.map_err(anyhow::Error::from);
            if let Err(error) = runtime.and_then(|r| r.block_on(work(at, own))) {
                eprintln!("the worker of bare workflows failed: {error:#}");
            }
        })?;
        Ok(Self { client, queue })
    }

    /// Runs a workflow to its end.
    pub(crate) async fn run(&self, activities: Activities) -> Result<()> {
        let options = WorkflowStartOptions::new(&self.queue, unique("bare")).build();
        let started = self.client.start_workflow(Idle::run, activities, options);
        let workflow = started.await?;
        Ok(workflow
            .get_result(WorkflowGetResultOptions::default())
            .await?)
    }
}

async fn connect(at: &TemporalEndpoint) -> Result<Client> {
    let url = format!("http://{}", at.address).parse::<reqwest::Url>()?;
    let options = ConnectionOptions::new(url).grpc_compression(GrpcCompression::None);
    let connection = Connection::connect(options.build()).await?;
    let options = ClientOptions::new(&at.namespace).build();
    Ok(Client::new(connection, options)?)
}

async fn work(at: TemporalEndpoint, queue: String) -> Result<()> {
    let options = RuntimeOptions::builder().heartbeat_interval(None).build();
    let runtime = Runtime::from_current_tokio(options.map_err(anyhow::Error::msg)?)?;
    let build = WorkerDeploymentOptions::from_build_id("bare".to_owned());
    let options = WorkerOptions::new(queue)
        .deployment_options(build)
        .register_workflow::<Idle>()?
        .register_activities(Nothing)
        .build();
    let worker = Worker::new(&runtime, connect(&at).await?, options);
    let mut worker = worker.map_err(|error| anyhow!("no worker: {error}"))?;
    Ok(worker.run().await?)
}
