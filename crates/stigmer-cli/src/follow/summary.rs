//! What an execution came to.

use std::collections::BTreeSet;

use chrono::DateTime;
use stigmer_api::agentexecution::{AgentExecution, AgentExecutionStatus};

/// The numbers of an execution, on one line.
pub(crate) fn summary(execution: &AgentExecution) -> String {
    let status = execution.status.clone().unwrap_or_default();
    let of_messages = status.messages.iter().flat_map(|m| &m.tool_calls);
    let calls: BTreeSet<&str> = status
        .tool_calls
        .iter()
        .chain(of_messages)
        .map(|call| call.id.as_str())
        .collect();
    let mut line = format!(
        "Messages: {}, tool calls: {}",
        status.messages.len(),
        calls.len()
    );
    if !status.sub_agent_executions.is_empty() {
        let n = status.sub_agent_executions.len();
        line.push_str(&format!(", sub-agents: {n}"));
    }
    if let Some(seconds) = seconds(&status) {
        line.push_str(&format!(", duration: {seconds:.1} s"));
    }
    line + "\n"
}

fn seconds(status: &AgentExecutionStatus) -> Option<f64> {
    let start = DateTime::parse_from_rfc3339(&status.started_at).ok()?;
    let end = DateTime::parse_from_rfc3339(&status.completed_at).ok()?;
    (end - start).to_std().ok().map(|d| d.as_secs_f64())
}
