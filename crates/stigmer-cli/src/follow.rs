//! Turns the states of an execution into text that grows: nothing is said twice.

use std::collections::BTreeMap;

use chrono::DateTime;
use serde_json::Value;
use stigmer_api::agentexecution::{
    AgentExecution, AgentExecutionStatus, AgentMessage, ExecutionPhase, MessageType,
    SubAgentExecution, SubAgentStatus, ToolCall, ToolCallStatus,
};

use crate::output::{one_line, printable};

/// Enough of a tool's arguments or result to know what happened.
const MAX_TOOL_TEXT: usize = 160;

/// Up to here every whole number has a floating-point number of its own.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// What has been printed so far.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    phase: Option<(ExecutionPhase, String)>,
    messages: Vec<Shown>,
    /// The message whose text ends the line that is not ended yet.
    open: Option<usize>,
    tools: BTreeMap<String, ToolCallStatus>,
    sub_agents: BTreeMap<String, SubAgentStatus>,
}

#[derive(Debug, Default)]
struct Shown {
    kind: MessageType,
    text: String,
}

impl Follower {
    /// What is new in this state, as text to print.
    pub(crate) fn step(&mut self, execution: &AgentExecution) -> String {
        let mut out = String::new();
        let Some(status) = &execution.status else {
            return out;
        };
        let ended = status.phase().is_terminal();
        if !ended {
            self.phase(status, &mut out);
        }
        for (i, message) in status.messages.iter().enumerate() {
            self.message(i, message, &mut out);
        }
        for call in &status.tool_calls {
            self.tool(call, &mut out);
        }
        for sub in &status.sub_agent_executions {
            self.sub_agent(sub, &mut out);
        }
        if ended {
            self.phase(status, &mut out);
        }
        out
    }

    /// Ends the line that a message left open.
    pub(crate) fn close(&mut self) -> String {
        let mut out = String::new();
        self.end_line(&mut out);
        out
    }

    fn phase(&mut self, status: &AgentExecutionStatus, out: &mut String) {
        let now = (status.phase(), status.phase_reason.clone());
        if self.phase.as_ref() == Some(&now) {
            return;
        }
        self.end_line(out);
        let why = [&status.phase_reason, &status.error]
            .into_iter()
            .find(|text| !text.is_empty());
        out.push_str(&format!("Phase: {}", now.0.word()));
        if let Some(why) = why {
            out.push_str(&format!(" ({})", one_line(why, 500)));
        }
        out.push('\n');
        self.phase = Some(now);
    }

    fn message(&mut self, i: usize, message: &AgentMessage, out: &mut String) {
        if self.messages.len() <= i {
            self.messages.resize_with(i + 1, Shown::default);
        }
        let kind = message.r#type();
        // A tool's message repeats the result of the call that it carries.
        if kind != MessageType::MessageTool || message.tool_calls.is_empty() {
            self.text(i, kind, &message.content, out);
        }
        for call in &message.tool_calls {
            self.tool(call, out);
        }
    }

    fn text(&mut self, i: usize, kind: MessageType, content: &str, out: &mut String) {
        let shown = &self.messages[i];
        if shown.kind == kind && shown.text == content || content.is_empty() {
            return;
        }
        let same = shown.kind == kind && !shown.text.is_empty();
        let rest = content.strip_prefix(&shown.text).filter(|_| same);
        match rest {
            Some(rest) if self.open == Some(i) => out.push_str(&printable(rest)),
            Some(rest) => {
                self.end_line(out);
                out.push_str(&format!("{}: …{}", who(kind), printable(rest)));
            }
            None => {
                self.end_line(out);
                out.push_str(&format!("{}: {}", who(kind), printable(content)));
            }
        }
        self.open = Some(i);
        self.messages[i] = Shown {
            kind,
            text: content.to_owned(),
        };
    }

    fn tool(&mut self, call: &ToolCall, out: &mut String) {
        let key = if call.id.is_empty() {
            &call.name
        } else {
            &call.id
        };
        let before = self.tools.get(key).copied();
        let now = call.status();
        if before.is_some_and(|before| before as i32 >= now as i32) {
            return;
        }
        self.end_line(out);
        let name = one_line(&call.name, MAX_TOOL_TEXT);
        if before.is_none() {
            let args = call.args.as_ref().filter(|args| !args.fields.is_empty());
            let args = args.and_then(|args| serde_json::to_value(args).ok());
            let args = args.map(|args| plain(&args)).unwrap_or_default();
            let args = one_line(&args, MAX_TOOL_TEXT);
            out.push_str(format!("tool {name} {args}").trim_end());
            out.push('\n');
        }
        let end = match now {
            ToolCallStatus::ToolCallCompleted => Some(Ok(call.result.as_str())),
            ToolCallStatus::ToolCallFailed => Some(Err(call.error.as_str())),
            _ => None,
        };
        self.ended(&format!("tool {name}"), end, out);
        self.tools.insert(key.clone(), now);
    }

    fn sub_agent(&mut self, sub: &SubAgentExecution, out: &mut String) {
        let key = if sub.id.is_empty() {
            &sub.name
        } else {
            &sub.id
        };
        let before = self.sub_agents.get(key).copied();
        let now = sub.status();
        if before.is_some_and(|before| before as i32 >= now as i32) {
            return;
        }
        self.end_line(out);
        let name = one_line(&sub.name, MAX_TOOL_TEXT);
        if before.is_none() {
            let input = one_line(&sub.input, MAX_TOOL_TEXT);
            out.push_str(format!("sub-agent {name}: {input}").trim_end_matches([':', ' ']));
            out.push('\n');
        }
        let end = match now {
            SubAgentStatus::SubAgentCompleted => Some(Ok(sub.output.as_str())),
            SubAgentStatus::SubAgentFailed => Some(Err(sub.error.as_str())),
            _ => None,
        };
        self.ended(&format!("sub-agent {name}"), end, out);
        self.sub_agents.insert(key.clone(), now);
    }

    /// Says how `what` ended, if it has.
    fn ended(&self, what: &str, end: Option<Result<&str, &str>>, out: &mut String) {
        let (word, text) = match end {
            Some(Ok(result)) => ("done", result),
            Some(Err(error)) => ("failed", error),
            None => return,
        };
        let text = one_line(text, MAX_TOOL_TEXT);
        out.push_str(format!("{what} {word}: {text}").trim_end_matches([':', ' ']));
        out.push('\n');
    }

    fn end_line(&mut self, out: &mut String) {
        if let Some(i) = self.open.take()
            && !self.messages[i].text.ends_with('\n')
        {
            out.push('\n');
        }
    }
}

/// JSON with its keys sorted and whole numbers as such: the wire keeps no order and knows only
/// floating-point numbers.
fn plain(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            let pairs = sorted
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), plain(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            format!("[{}]", items.join(","))
        }
        Value::Number(number) => match number.as_f64() {
            Some(n) if n.fract() == 0.0 && n.abs() < MAX_WHOLE => format!("{n:.0}"),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

fn who(kind: MessageType) -> &'static str {
    match kind {
        MessageType::MessageHuman => "you",
        MessageType::MessageAi => "agent",
        MessageType::MessageTool => "tool",
        MessageType::MessageSystem => "system",
        MessageType::Unspecified => "message",
    }
}

/// The numbers of an execution, on one line.
pub(crate) fn summary(execution: &AgentExecution) -> String {
    let status = execution.status.clone().unwrap_or_default();
    let mut calls: Vec<&str> = status.tool_calls.iter().map(|c| c.id.as_str()).collect();
    calls.extend(
        status
            .messages
            .iter()
            .flat_map(|m| &m.tool_calls)
            .map(|c| c.id.as_str()),
    );
    calls.sort_unstable();
    calls.dedup();
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

#[cfg(test)]
mod tests;
