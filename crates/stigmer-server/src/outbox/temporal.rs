//! The connection to Temporal, and what is said over it.

use std::time::Duration;

use temporal_link::{TemporalArgs, WORKFLOW_TYPE, workflow_id};
use temporalio_client::{
    Client, UntypedWorkflow, WorkflowCancelOptions, WorkflowDescribeOptions,
    WorkflowIdConflictPolicy, WorkflowIdReusePolicy, WorkflowStartOptions,
    errors::{WorkflowInteractionError, WorkflowStartError},
};
use temporalio_common::data_converters::{PayloadConverter, RawValue};
use tokio::sync::Mutex;

/// How long Temporal may take to answer one call: it answers in milliseconds. A connection that is
/// silent for longer is given up for a new one; gRPC itself would wait for half a minute.
pub(super) const CALL: Duration = Duration::from_secs(5);

/// How long a runner may take for one step of a workflow: it takes milliseconds, so one that is
/// silent for longer is dead, and another may have the step. Temporal itself would wait for 10 s.
const TASK: Duration = Duration::from_secs(3);

/// Where Temporal is, and the connection to it once there is one; it outlives Temporal's restarts.
pub(super) struct Temporal {
    pub(super) args: TemporalArgs,
    client: Mutex<Option<Client>>,
    /// How long one call may take.
    limit: Duration,
}

impl Temporal {
    pub(super) fn new(args: TemporalArgs, limit: Duration) -> Self {
        let client = Mutex::new(None);
        Self {
            args,
            client,
            limit,
        }
    }

    /// The connection, made where there is none.
    pub(super) async fn connected(&self) -> anyhow::Result<Client> {
        let mut client = self.client.lock().await;
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        let identity = format!("stigmer-server@{}", std::process::id());
        let connected = self.args.connect(&identity).await?;
        Ok(client.insert(connected).clone())
    }

    /// What Temporal said to one call, within its time.
    async fn call<T>(&self, call: impl Future<Output = Result<T, String>>) -> Result<T, String> {
        if let Ok(answer) = tokio::time::timeout(self.limit, call).await {
            return answer;
        }
        *self.client.lock().await = None;
        let limit = self.limit;
        Err(format!("no answer within {limit:?}, connecting anew"))
    }

    /// Starts the workflow of execution `id`; one that was started stays as it is.
    pub(super) async fn start(&self, client: &Client, id: &str) -> Result<(), String> {
        // The execution travels by its id alone: what it holds, secrets too, stays in the store.
        let input = RawValue::from_value(&id.to_owned(), &PayloadConverter::default());
        let options = WorkflowStartOptions::new(&self.args.task_queue, workflow_id(id))
            .id_reuse_policy(WorkflowIdReusePolicy::RejectDuplicate)
            .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
            .task_timeout(TASK)
            .build();
        let workflow = UntypedWorkflow::new(WORKFLOW_TYPE);
        let start = async {
            match client.start_workflow(workflow, input, options).await {
                Ok(_) | Err(WorkflowStartError::AlreadyStarted { .. }) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        };
        self.call(start).await
    }

    /// Asks the workflow of execution `id` to end.
    pub(super) async fn cancel(&self, client: &Client, id: &str) -> Result<(), String> {
        let handle = client.get_workflow_handle::<UntypedWorkflow>(workflow_id(id));
        let options = WorkflowCancelOptions::builder()
            .reason("cancelled by its user")
            .build();
        let cancel = async {
            match handle.cancel(options).await {
                // It never started, or it has ended: there is nothing left to cancel.
                Ok(()) | Err(WorkflowInteractionError::NotFound(_)) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        };
        self.call(cancel).await
    }

    /// How the workflow of execution `id` ended; nothing while it runs.
    pub(super) async fn ended(&self, client: &Client, id: &str) -> Result<Option<String>, String> {
        let handle = client.get_workflow_handle::<UntypedWorkflow>(workflow_id(id));
        let describe = async {
            match handle.describe(WorkflowDescribeOptions::default()).await {
                Ok(described) if described.close_time().is_none() => Ok(None),
                Ok(described) => Ok(Some(format!(
                    "ended as {:?} without a report",
                    described.status()
                ))),
                Err(WorkflowInteractionError::NotFound(_)) => {
                    let gone = "is not known to Temporal any more: create another execution";
                    Ok(Some(gone.to_owned()))
                }
                Err(error) => Err(error.to_string()),
            }
        };
        self.call(describe).await
    }
}
