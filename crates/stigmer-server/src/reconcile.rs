//! Ends executions whose workflow ended without a word.
//!
//! A workflow reports its end before it closes. One that was terminated by hand, timed out, or was
//! forgotten by a Temporal that keeps nothing cannot; its execution would be IN_PROGRESS for ever.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use stigmer_api::agentexecution::{AgentExecution, AgentExecutionStatus, ExecutionPhase};
use temporal_link::workflow_id;
use temporalio_client::{
    Client, UntypedWorkflow, WorkflowDescribeOptions, errors::WorkflowInteractionError,
};

use crate::{
    error::Result,
    ops::execution::{self, now},
    outbox::Outbox,
    store::{Outgoing, Store},
};

/// How many workflows are asked for at once.
const PARALLEL: usize = 8;

/// Looks every `interval` until the server ends. Does nothing while Temporal was never reached.
pub(crate) async fn run(outbox: Arc<Outbox>, store: Store, interval: Duration) {
    let mut tick = tokio::time::interval(interval);
    loop {
        tick.tick().await;
        let Some(client) = outbox.client().await else {
            continue;
        };
        if let Err(error) = look(&client, &store).await {
            tracing::warn!(%error, "executions could not be compared with Temporal");
        }
    }
}

async fn look(client: &Client, store: &Store) -> Result<()> {
    let open = store.read(|view| {
        let waiting = view.outbox()?;
        let told = |id: &String| !waiting.contains(&(id.clone(), Outgoing::Start));
        Ok(view
            .open_executions()?
            .into_iter()
            .filter(told)
            .collect::<Vec<_>>())
    })?;
    let ends: Vec<Result<()>> = stream::iter(open)
        .map(|id| async move {
            match ended(client, &id).await {
                Some(how) => fail(store, id, how).await,
                None => Ok(()),
            }
        })
        .buffer_unordered(PARALLEL)
        .collect()
        .await;
    ends.into_iter().collect()
}

/// How the workflow of execution `id` ended; nothing while it runs or cannot be asked for.
async fn ended(client: &Client, id: &str) -> Option<String> {
    let handle = client.get_workflow_handle::<UntypedWorkflow>(workflow_id(id));
    match handle.describe(WorkflowDescribeOptions::default()).await {
        Ok(described) if described.close_time().is_none() => None,
        Ok(described) => Some(format!("ended as {:?}", described.status())),
        Err(WorkflowInteractionError::NotFound(_)) => Some("is not known to Temporal".to_owned()),
        Err(_) => None,
    }
}

async fn fail(store: &Store, id: String, how: String) -> Result<()> {
    let write = move |tx: &mut crate::store::Tx<'_>| {
        let Some(execution) = tx.view().find::<AgentExecution>(&id)? else {
            return Ok(());
        };
        // Its report came before its end: looked at only now, it is there.
        if execution::phase(&execution).is_terminal() {
            return Ok(());
        }
        tracing::warn!(id, how, "an execution's workflow ended without a report");
        let report = AgentExecutionStatus {
            phase: ExecutionPhase::ExecutionFailed.into(),
            error: format!("its workflow {how} without a report"),
            completed_at: now(),
            ..Default::default()
        };
        execution::update_status(tx, &id, report).map(drop)
    };
    store.write(write).await
}
