//! Hands executions to Temporal.
//!
//! What Temporal must be told stands in the store, written together with the execution. So
//! Temporal may be down, late or restarted: what was answered to a client is told it in the end.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use stigmer_api::{
    agentexecution::{AgentExecution, AgentExecutionStatus, ExecutionPhase},
    resource::Resource,
};
use temporal_link::{TemporalArgs, WORKFLOW_TYPE, workflow_id};
use temporalio_client::{
    Client, UntypedWorkflow, WorkflowCancelOptions, WorkflowIdConflictPolicy,
    WorkflowIdReusePolicy, WorkflowStartOptions,
    errors::{WorkflowInteractionError, WorkflowStartError},
};
use temporalio_common::data_converters::{PayloadConverter, RawValue};
use tokio::sync::{Mutex, Notify};

use crate::{
    error::Result,
    ops::execution,
    store::{Outgoing, Store},
};

/// How many executions are handed over at once.
const PARALLEL: usize = 16;
/// How long to wait before telling again what Temporal did not take: doubles between the two.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How long Temporal may take to answer one call: it answers in milliseconds. A connection that is
/// silent for longer is given up for a new one; gRPC itself would wait for half a minute.
const CALL: Duration = Duration::from_secs(5);

/// How long a runner may take for one step of a workflow: it takes milliseconds, so one that is
/// silent for longer is dead, and another may have the step. Temporal itself would wait for 10 s.
const TASK: Duration = Duration::from_secs(3);

/// The way to Temporal, where there is one.
pub(crate) struct Outbox {
    temporal: TemporalArgs,
    client: Mutex<Option<Client>>,
    wake: Notify,
    /// [`CALL`], but for tests.
    limit: Duration,
}

impl Outbox {
    pub(crate) fn new(temporal: TemporalArgs) -> Self {
        Self::with_limit(temporal, CALL)
    }

    fn with_limit(temporal: TemporalArgs, limit: Duration) -> Self {
        let (client, wake) = (Mutex::new(None), Notify::new());
        Self {
            temporal,
            client,
            wake,
            limit,
        }
    }

    /// The connection to Temporal, where there is one; it outlives Temporal's restarts.
    pub(crate) async fn client(&self) -> Option<Client> {
        self.client.lock().await.clone()
    }

    async fn connected(&self) -> anyhow::Result<Client> {
        let mut client = self.client.lock().await;
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        let identity = format!("stigmer-server@{}", std::process::id());
        let connected = self.temporal.connect(&identity).await?;
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

    /// Tells the dispatcher that there is something to hand over.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Whether there is a Temporal to tell; it need not answer at the moment.
    pub(crate) fn has_temporal(&self) -> bool {
        self.temporal.is_configured()
    }

    /// Why a new execution is PENDING.
    pub(crate) fn waiting(&self) -> String {
        if self.temporal.is_configured() {
            format!(
                "waiting to be handed to Temporal at {}",
                self.temporal.address()
            )
        } else {
            "no Temporal is configured: start the server with TEMPORAL_ADDRESS to run it".to_owned()
        }
    }

    /// Hands over for ever. Returns at once when no Temporal is configured.
    pub(crate) async fn run(self: Arc<Self>, store: Store) {
        if !self.temporal.is_configured() {
            return;
        }
        let mut pause = RETRY.0;
        loop {
            match self.dispatch(&store).await {
                Ok(true) => {
                    pause = RETRY.0;
                    self.wake.notified().await;
                }
                // The outside is not ready: nothing tells us when it is, so we ask again.
                Ok(false) | Err(_) => {
                    let _ = tokio::time::timeout(pause, self.wake.notified()).await;
                    pause = (pause * 2).min(RETRY.1);
                }
            }
        }
    }

    /// Hands over what waits now; whether all of it was taken.
    async fn dispatch(&self, store: &Store) -> Result<bool> {
        let mut waiting: BTreeMap<String, Vec<Outgoing>> = BTreeMap::new();
        for (id, what) in store.read(|view| view.outbox())? {
            waiting.entry(id).or_default().push(what);
        }
        if waiting.is_empty() {
            return Ok(true);
        }
        let client = match self.connected().await {
            Ok(client) => client,
            Err(error) => {
                let why = format!("{error:#}");
                tracing::warn!(why, "executions wait");
                for id in waiting.keys() {
                    note(store, id, &format!("waiting: {why}")).await?;
                }
                return Ok(false);
            }
        };
        let taken: Vec<Result<bool>> = stream::iter(waiting)
            .map(|(id, what)| self.hand_over(store, &client, id, what))
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        taken
            .into_iter()
            .try_fold(true, |all, taken| Ok(all & taken?))
    }

    /// Tells Temporal what waits of one execution, in order; whether all of it was taken.
    async fn hand_over(
        &self,
        store: &Store,
        client: &Client,
        id: String,
        what: Vec<Outgoing>,
    ) -> Result<bool> {
        for what in what {
            let told = match what {
                Outgoing::Start => self.call(self.start(client, &id)).await,
                Outgoing::Cancel => self.call(cancel(client, &id)).await,
            };
            match told {
                Ok(()) => {
                    let queue = &self.temporal.task_queue;
                    taken(
                        store,
                        &id,
                        what,
                        format!("waiting for an agent-runner on {queue}"),
                    )
                    .await?;
                }
                Err(why) => {
                    tracing::warn!(
                        id,
                        ?what,
                        why,
                        "Temporal did not take it, it will be told again"
                    );
                    note(
                        store,
                        &id,
                        &format!("waiting: Temporal did not take it: {why}"),
                    )
                    .await?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    async fn start(&self, client: &Client, id: &str) -> Result<(), String> {
        // The execution travels by its id alone: what it holds, secrets too, stays in the store.
        let input = RawValue::from_value(&id.to_owned(), &PayloadConverter::default());
        let options = WorkflowStartOptions::new(&self.temporal.task_queue, workflow_id(id))
            .id_reuse_policy(WorkflowIdReusePolicy::RejectDuplicate)
            .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
            .task_timeout(TASK)
            .build();
        let workflow = UntypedWorkflow::new(WORKFLOW_TYPE);
        match client.start_workflow(workflow, input, options).await {
            Ok(_) | Err(WorkflowStartError::AlreadyStarted { .. }) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

async fn cancel(client: &Client, id: &str) -> Result<(), String> {
    let handle = client.get_workflow_handle::<UntypedWorkflow>(workflow_id(id));
    let options = WorkflowCancelOptions::builder()
        .reason("cancelled by its user")
        .build();
    match handle.cancel(options).await {
        // It never started, or it has ended: there is nothing left to cancel.
        Ok(()) | Err(WorkflowInteractionError::NotFound(_)) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// Takes what Temporal was told off the outbox.
async fn taken(store: &Store, id: &str, what: Outgoing, waiting: String) -> Result<()> {
    let id = id.to_owned();
    let write = move |tx: &mut crate::store::Tx<'_>| {
        tx.unsend(&id, what)?;
        explain(tx, &id, &waiting)
    };
    store.write(write).await
}

/// Says in the status of a PENDING execution why it is that.
async fn note(store: &Store, id: &str, why: &str) -> Result<()> {
    let (id, why) = (id.to_owned(), why.to_owned());
    store.write(move |tx| explain(tx, &id, &why)).await
}

fn explain(tx: &mut crate::store::Tx<'_>, id: &str, why: &str) -> Result<()> {
    let Some(execution) = tx.view().find::<AgentExecution>(id)? else {
        return Ok(());
    };
    let reason = |s: &AgentExecutionStatus| s.phase_reason == why;
    if execution::phase(&execution) != ExecutionPhase::ExecutionPending
        || execution.status.as_ref().is_some_and(reason)
    {
        return Ok(());
    }
    let report = AgentExecutionStatus {
        phase_reason: why.to_owned(),
        ..Default::default()
    };
    execution::update_status(tx, execution.id(), report).map(drop)
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
