//! The original's server, as a runner meets it: its workflow on real Temporal, and in front of our
//! server the gaps that its API has.

mod server;
mod workflow;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use stigmer_api::{agentexecution::AgentExecution, resource::Resource};
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, UntypedWorkflow, WorkflowCancelOptions,
    WorkflowDescribeOptions, WorkflowHandle, WorkflowStartOptions,
};
use temporalio_common::{
    MemoValues, data_converters::RawValue, protos::temporal::api::common::v1::Payload,
    worker::WorkerDeploymentOptions,
};
use temporalio_sdk::{Runtime, Worker, WorkerOptions, runtime::RuntimeOptions};
use test_e2e::{Api, Control, Instance, Stack, Temporal, TemporalEndpoint, unique};

pub(crate) use temporalio_common::protos::temporal::api::{
    enums::v1::PendingActivityState, workflow::v1::PendingActivityInfo,
};

pub(crate) const QUEUE: &str = "TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE";
/// How long a test waits for what a history is to show.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks: Temporal tells nobody of a pending activity.
const LOOK: Duration = Duration::from_millis(50);

/// What the workflow asks of `ExecuteGraphton`, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Limits {
    pub(crate) start_to_close: u64,
    pub(crate) heartbeat: u64,
    /// Whether the workflow waits until a cancelled activity has ended.
    pub(crate) waits: bool,
}

/// As the original's server sets them.
pub(crate) const LIMITS: Limits = Limits {
    start_to_close: 600_000,
    heartbeat: 30_000,
    waits: false,
};

/// A server of a test's own whose executions nobody starts but the test, and the worker that runs
/// the original's workflow.
pub(crate) struct Original {
    pub(crate) control: Control,
    pub(crate) api: Api,
    pub(crate) temporal: Temporal,
    client: Client,
    queue: String,
    runner_queue: String,
    /// Where the runner finds the server.
    backend: String,
    env: Vec<(&'static str, String)>,
}

impl Original {
    pub(crate) async fn start(stack: &Stack) -> Result<Self> {
        let mut control = stack.control().await?;
        // It knows no runner's key, and does not start workflows: the test does, as theirs.
        let env = [("TEMPORAL_ADDRESS", ""), ("STIGMER_RUNNER_KEY", "")];
        let server = control.start("server", &env).await?;
        let api = Api::new(server.url()?)?;
        let at = stack.temporal.clone().context("no Temporal")?;
        let queue = unique("agent_execution_stigmer");
        work(at.clone(), queue.clone(), api.clone())?;
        let mut env = vec![("STIGMER_RUNNER_KEY", String::new())];
        let mut backend = server.url()?.to_owned();
        // A container does not reach what this process serves, nor is Temporal there where it is
        // here.
        if stack.runtime == "native" {
            backend = server::serve(&api)?;
            env.extend([
                ("MODE", "local".to_owned()),
                ("TEMPORAL_ADDRESS", String::new()),
                ("TEMPORAL_SERVICE_ADDRESS", at.address.clone()),
                ("STIGMER_LLM_PROVIDER", "openai".to_owned()),
                ("STIGMER_LLM_BASE_URL", String::new()),
                ("OPENAI_BASE_URL", stack.gateway()?.base_url.clone()),
            ]);
        }
        Ok(Self {
            control,
            api,
            temporal: stack.temporal()?,
            client: connect(&at).await?,
            queue,
            runner_queue: unique("agent_execution_runner"),
            backend,
            env,
        })
    }

    /// A runner, told as the original's is.
    pub(crate) async fn runner(&mut self) -> Result<Instance> {
        let mut env = vec![
            (QUEUE, self.runner_queue.as_str()),
            ("STIGMER_BACKEND_ENDPOINT", self.backend.as_str()),
        ];
        env.extend(self.env.iter().map(|(name, value)| (*name, value.as_str())));
        self.control.start("runner", &env).await
    }

    /// Starts the workflow of an execution that was created, as the original's server does.
    pub(crate) async fn invoke(
        &self,
        execution: &AgentExecution,
        limits: Limits,
    ) -> Result<Invoked> {
        let id = Temporal::workflow_id(execution.id());
        let mut memo = MemoValues::new();
        memo.insert("activityTaskQueue", self.runner_queue.clone());
        memo.insert("limits", limits);
        let options = WorkflowStartOptions::new(&self.queue, id)
            .run_timeout(Duration::from_secs(600))
            .memo(memo)
            .build();
        let metadata = [
            ("encoding", "json/protobuf"),
            (
                "messageType",
                "ai.stigmer.agentic.agentexecution.v1.AgentExecution",
            ),
        ];
        let input = RawValue::new(vec![Payload {
            metadata: metadata.map(|(k, v)| (k.to_owned(), v.into())).into(),
            data: serde_json::to_vec(execution)?,
            ..Payload::default()
        }]);
        let workflow = UntypedWorkflow::new(workflow::TYPE);
        let handle = self.client.start_workflow(workflow, input, options).await?;
        Ok(Invoked(handle))
    }

    /// The runner's own workflow of an execution, which stands behind the server's.
    pub(crate) fn own_workflow(&self, execution: &AgentExecution) -> Invoked {
        let id = format!("stigmer/agent-execution/run/{}", execution.id());
        Invoked(self.client.get_workflow_handle::<UntypedWorkflow>(id))
    }
}

/// A workflow that is there.
pub(crate) struct Invoked(WorkflowHandle<Client, UntypedWorkflow>);

impl Invoked {
    pub(crate) async fn cancel(&self) -> Result<()> {
        Ok(self.0.cancel(WorkflowCancelOptions::default()).await?)
    }

    /// Waits until its activity `name` is pending as `wanted`.
    pub(crate) async fn pending(
        &self,
        name: &str,
        wanted: impl Fn(&PendingActivityInfo) -> bool,
    ) -> Result<()> {
        let looking = async {
            loop {
                let described = self.0.describe(WorkflowDescribeOptions::default()).await?;
                let pending = &described.raw_description.pending_activities;
                let named = |a: &&PendingActivityInfo| {
                    a.activity_type.as_ref().is_some_and(|t| t.name == name)
                };
                if pending.iter().find(named).is_some_and(&wanted) {
                    return anyhow::Ok(());
                }
                anyhow::ensure!(described.close_time().is_none(), "the workflow has ended");
                tokio::time::sleep(LOOK).await;
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(seen) => seen,
            Err(_) => bail!("{name} was not seen so within {PATIENCE:?}"),
        }
    }
}

async fn connect(at: &TemporalEndpoint) -> Result<Client> {
    let url = format!("http://{}", at.address).parse::<reqwest::Url>()?;
    let connection = Connection::connect(ConnectionOptions::new(url).build()).await?;
    Ok(Client::new(
        connection,
        ClientOptions::new(&at.namespace).build(),
    )?)
}

/// Runs the workflow's worker as long as the test's process.
fn work(at: TemporalEndpoint, queue: String, api: Api) -> Result<()> {
    // A worker's futures stay on their thread.
    std::thread::Builder::new().spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let runtime = runtime.map_err(anyhow::Error::from);
        if let Err(error) = runtime.and_then(|r| r.block_on(worker(at, queue, api))) {
            eprintln!("the original's worker failed: {error:#}");
        }
    })?;
    Ok(())
}

async fn worker(at: TemporalEndpoint, queue: String, api: Api) -> Result<()> {
    let options = RuntimeOptions::builder().heartbeat_interval(None).build();
    let runtime = Runtime::from_current_tokio(options.map_err(anyhow::Error::msg)?)?;
    let build = WorkerDeploymentOptions::from_build_id("original".to_owned());
    let options = WorkerOptions::new(queue)
        .deployment_options(build)
        .register_workflow::<workflow::Invoke>()?
        .register_activities(workflow::Own { api })
        .build();
    let worker = Worker::new(&runtime, connect(&at).await?, options);
    let mut worker = worker.map_err(|e| anyhow::anyhow!("no worker: {e}"))?;
    Ok(worker.run().await?)
}
