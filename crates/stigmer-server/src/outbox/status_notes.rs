//! What the store is told of handing over.

use stigmer_api::agentexecution::{AgentExecution, AgentExecutionStatus, ExecutionPhase};

use crate::{
    error::Result,
    ops::{Report, execution},
    store::{Outgoing, Store, Tx},
};

/// Takes what Temporal was told off the outbox.
pub(super) async fn taken(store: &Store, id: &str, what: Outgoing, waiting: String) -> Result<()> {
    let id = id.to_owned();
    let write = move |tx: &mut Tx<'_>| {
        tx.unsend(&id, what)?;
        explain(tx, &id, &waiting)
    };
    store.write(write).await
}

/// Says in the status of a PENDING execution why it is that.
pub(super) async fn note(store: &Store, id: &str, why: &str) -> Result<()> {
    let (id, why) = (id.to_owned(), why.to_owned());
    store.write(move |tx| explain(tx, &id, &why)).await
}

fn explain(tx: &mut Tx<'_>, id: &str, why: &str) -> Result<()> {
    let Some(execution) = tx.view().find::<AgentExecution>(id)? else {
        return Ok(());
    };
    let told = |s: &AgentExecutionStatus| s.phase_reason == why;
    if execution.phase() != ExecutionPhase::ExecutionPending
        || execution.status.as_ref().is_some_and(told)
    {
        return Ok(());
    }
    let report = AgentExecutionStatus {
        phase_reason: why.to_owned(),
        ..Default::default()
    };
    let report = Report::of_our_own(id, report);
    execution::update_status(tx, report).map(drop)
}
