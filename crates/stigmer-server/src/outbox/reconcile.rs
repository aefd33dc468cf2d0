//! Ends executions whose workflow ended without a word.
//!
//! A workflow reports its end before it closes. One that was terminated by hand, timed out, or was
//! forgotten by a Temporal that keeps nothing cannot; its execution would be IN_PROGRESS for ever.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use stigmer_api::{
    agentexecution::{AgentExecution, AgentExecutionStatus, ExecutionPhase},
    time::now,
};

use super::{Outbox, temporal::Temporal};
use crate::{
    error::Result,
    ops::{Report, execution},
    store::{Outgoing, Store, Tx},
};

/// How many workflows are asked for at once.
pub(super) const PARALLEL: usize = 8;

impl Outbox {
    /// Looks every `interval` until the server ends. Returns at once when no Temporal is configured.
    pub(crate) async fn reconcile(self: Arc<Self>, store: Store, interval: Duration) {
        if !self.has_temporal() {
            return;
        }
        let mut tick = tokio::time::interval(interval);
        loop {
            tick.tick().await;
            if let Err(error) = look(&self.temporal, &store).await {
                tracing::warn!("executions could not be compared with Temporal: {error:#}");
            }
        }
    }
}

/// Ends every execution under way whose workflow has ended.
pub(super) async fn look(temporal: &Temporal, store: &Store) -> anyhow::Result<()> {
    let open = store.read(|view| {
        let waiting: HashSet<_> = view.outbox()?.into_iter().collect();
        let told = |id: &String| !waiting.contains(&(id.clone(), Outgoing::Start));
        let open = view.open_executions()?.into_iter();
        Ok(open.filter(told).collect::<Vec<_>>())
    })?;
    if open.is_empty() {
        return Ok(());
    }
    let client = &temporal.connected().await?;
    // Who is silent about one is silent about all.
    stream::iter(open)
        .map(|id| async move {
            let ended = temporal.ended(client, &id).await;
            let Some(how) = ended.map_err(|why| anyhow::anyhow!("{id}: {why}"))? else {
                return Ok(());
            };
            if let Err(error) = fail(store, id.clone(), how).await {
                tracing::warn!(execution = id, %error, "an execution could not be ended");
            }
            Ok(())
        })
        .buffer_unordered(PARALLEL)
        .try_collect()
        .await
}

async fn fail(store: &Store, id: String, how: String) -> Result<()> {
    let write = move |tx: &mut Tx<'_>| {
        let Some(execution) = tx.view().find::<AgentExecution>(&id)? else {
            return Ok(());
        };
        // Its report came before its end: looked at only now, it is there.
        if execution.phase().is_terminal() {
            return Ok(());
        }
        tracing::warn!(execution = id, "its workflow {how}");
        let report = AgentExecutionStatus {
            phase: ExecutionPhase::ExecutionFailed.into(),
            error: format!("its workflow {how}"),
            completed_at: now(),
            ..Default::default()
        };
        execution::update_status(tx, Report::of_our_own(&id, report)).map(drop)
    };
    store.write(write).await
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
