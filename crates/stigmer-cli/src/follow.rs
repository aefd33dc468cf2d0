//! Turns the states of an execution into text that grows: nothing is said twice.

mod args;
mod summary;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use stigmer_api::agentexecution::{
    AgentExecution, AgentExecutionStatus, AgentMessage, ExecutionPhase, MessageType,
    SubAgentExecution, SubAgentStatus, ToolCall, ToolCallStatus,
};

pub(crate) use summary::summary;

use crate::output::{one_line, printable};

/// Enough, in characters, of what was told or answered to know what happened.
const MAX_TEXT: usize = 160;

/// What has been printed so far.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    phase: Option<(ExecutionPhase, String)>,
    messages: Vec<Shown>,
    /// The message whose text ends the line that is not ended yet.
    open: Option<usize>,
    /// How far each work has come, by what it is and its id.
    stages: BTreeMap<(&'static str, String), i32>,
}

#[derive(Debug, Default)]
struct Shown {
    kind: MessageType,
    text: String,
}

/// What begins and ends while an agent works: the call of a tool, or an agent below it.
struct Work<'a> {
    what: &'static str,
    id: &'a str,
    name: &'a str,
    /// The number of its status, which only grows.
    stage: i32,
    /// What came of it, where it has ended.
    end: Option<Result<&'a str, &'a str>>,
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
        let status = call.status();
        let work = Work {
            what: "tool",
            id: &call.id,
            name: &call.name,
            stage: status as i32,
            end: match status {
                ToolCallStatus::ToolCallCompleted => Some(Ok(&call.result)),
                ToolCallStatus::ToolCallFailed => Some(Err(&call.error)),
                _ => None,
            },
        };
        self.work(&work, " ", || args::shown(call), out);
    }

    fn sub_agent(&mut self, sub: &SubAgentExecution, out: &mut String) {
        let status = sub.status();
        let work = Work {
            what: "sub-agent",
            id: &sub.id,
            name: &sub.name,
            stage: status as i32,
            end: match status {
                SubAgentStatus::SubAgentCompleted => Some(Ok(&sub.output)),
                SubAgentStatus::SubAgentFailed => Some(Err(&sub.error)),
                _ => None,
            },
        };
        self.work(&work, ": ", || sub.input.clone(), out);
    }

    /// Says that work began, with what it was `told` after `lead`, and how it ended.
    fn work(
        &mut self,
        work: &Work<'_>,
        lead: &str,
        told: impl FnOnce() -> String,
        out: &mut String,
    ) {
        let key = if work.id.is_empty() {
            work.name
        } else {
            work.id
        };
        let key = (work.what, key.to_owned());
        let before = self.stages.get(&key).copied();
        if before.is_some_and(|before| before >= work.stage) {
            return;
        }
        self.end_line(out);
        let name = format!("{} {}", work.what, one_line(work.name, MAX_TEXT));
        let mut say = |lead: &str, text: &str| {
            let line = format!("{name}{lead}{}", one_line(text, MAX_TEXT));
            out.push_str(line.trim_end_matches([':', ' ']));
            out.push('\n');
        };
        if before.is_none() {
            say(lead, &told());
        }
        match work.end {
            Some(Ok(result)) => say(" done: ", result),
            Some(Err(error)) => say(" failed: ", error),
            None => {}
        }
        self.stages.insert(key, work.stage);
    }

    fn end_line(&mut self, out: &mut String) {
        if let Some(i) = self.open.take()
            && !self.messages[i].text.ends_with('\n')
        {
            out.push('\n');
        }
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
