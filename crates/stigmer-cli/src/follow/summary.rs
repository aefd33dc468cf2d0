//! What an execution came to.

use std::collections::BTreeSet;

use chrono::DateTime;
use stigmer_api::{
    agentexecution::{AgentExecution, AgentExecutionStatus, MessageType},
    finish::Cut,
};

use crate::output::one_line;

/// The longest name and reason that are shown.
const MAX_REASON: usize = 80;

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
    if let Some(usage) = &status.usage {
        let (input, output) = (usage.input_tokens, usage.output_tokens);
        line.push_str(&format!(", tokens: {input} in, {output} out"));
    }
    line + "\n" + &cuts(&status)
}

/// What is to be known beside the numbers: answers that were cut, and why; warnings.
fn cuts(status: &AgentExecutionStatus) -> String {
    let mut lines = String::new();
    let last = status
        .messages
        .iter()
        .rev()
        .find(|m| m.r#type() == MessageType::MessageAi);
    let agent = last.map(|m| ("agent", "", m.finish_reason.as_str()));
    let subs = status.sub_agent_executions.iter();
    let subs = subs.map(|s| ("sub-agent ", s.name.as_str(), s.finish_reason.as_str()));
    for (what, name, reason) in agent.into_iter().chain(subs) {
        if let Some(cut) = Cut::of(reason) {
            let reason = one_line(reason, MAX_REASON);
            let name = one_line(name, MAX_REASON);
            lines.push_str(&format!(
                "Cut: the answer of the {what}{name} is not whole ({reason}): {}\n",
                cut.why()
            ));
        }
    }
    for warning in &status.warnings {
        lines.push_str(&format!("Warning: {}\n", one_line(warning, 500)));
    }
    lines
}

fn seconds(status: &AgentExecutionStatus) -> Option<f64> {
    let start = DateTime::parse_from_rfc3339(&status.started_at).ok()?;
    let end = DateTime::parse_from_rfc3339(&status.completed_at).ok()?;
    (end - start).to_std().ok().map(|d| d.as_secs_f64())
}
