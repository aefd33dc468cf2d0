//! The phase of an execution.

use stigmer_api::agentexecution::{AgentExecution, ExecutionPhase};

/// The phase; unspecified where there is no status yet.
pub(crate) fn phase(execution: &AgentExecution) -> ExecutionPhase {
    let status = execution.status.as_ref();
    status.map_or(ExecutionPhase::Unspecified, |status| status.phase())
}
