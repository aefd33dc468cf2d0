//! What the model is reminded of: the earlier executions of a session.

use std::collections::BTreeSet;

use stigmer_api::{
    agentexecution::{AgentExecution, AgentMessage, ExecutionPhase, MessageType, ToolCall},
    json,
};
use temporalio_sdk::activities::ActivityError;

use crate::{
    backend::Backend,
    model::{ChatMessage, FunctionCall},
    pins::Pins,
};

/// The most of a session that the model is reminded of, in bytes of text.
const MOST: usize = 256 * 1024;
/// The most executions: their ids are pinned, and go with every activity.
const MOST_EXECUTIONS: usize = 50;

/// How many pages of a session are looked through for what the model is reminded of. The server
/// ends a page at 50 executions or at a few MiB, whichever is first.
const PAGES: usize = 16;

/// What a message takes beside its text.
pub(crate) const AROUND: usize = 32;

/// The last completed executions of a session that fit. Whole executions are left out, so that no
/// tool's result is without its call.
#[derive(Default)]
pub(crate) struct SessionHistory {
    /// The newest first.
    executions: Vec<(String, Vec<ChatMessage>)>,
    size: usize,
    /// Whether the session has older ones.
    pub(crate) more: bool,
}

impl SessionHistory {
    /// What the model is reminded of in execution `before` of a session: `pins` is none when that is
    /// to be settled.
    pub(crate) async fn load(
        backend: &Backend,
        session: &str,
        before: &str,
        pins: Option<&Pins>,
    ) -> Result<Self, ActivityError> {
        let mut history = Self::default();
        let mut page_token = String::new();
        for _ in 0..PAGES {
            let (executions, next) = backend.session_page(session, page_token).await?;
            for execution in &executions {
                let id = execution.metadata.as_ref().map_or("", |m| &m.id);
                if id < before && !history.add(execution, pins) {
                    return Ok(history);
                }
            }
            page_token = next;
            if page_token.is_empty() {
                return Ok(history);
            }
        }
        history.more = true;
        Ok(history)
    }

    /// Adds `execution`, the next older one of the session. False when no older one is needed:
    /// there is enough, or all that `pins` name is there.
    fn add(&mut self, execution: &AgentExecution, pins: Option<&Pins>) -> bool {
        let id = execution.metadata.as_ref().map_or("", |m| &m.id);
        if execution.phase() != ExecutionPhase::ExecutionCompleted {
            return true;
        }
        if let Some(pins) = pins {
            if pins.memory.iter().any(|pinned| pinned == id) {
                self.executions.push((id.to_owned(), remembered(execution)));
            }
            return self.executions.len() < pins.memory.len();
        }
        let said = remembered(execution);
        let size = said.iter().map(ChatMessage::size).sum::<usize>();
        if self.executions.len() >= MOST_EXECUTIONS || self.size + size > MOST {
            self.more = true;
            return false;
        }
        self.size += size;
        self.executions.push((id.to_owned(), said));
        true
    }

    /// The newest of these that fit into `bytes`.
    pub(crate) fn newest(&self, bytes: usize) -> Self {
        let mut newest = Self {
            more: self.more,
            ..Self::default()
        };
        for (id, said) in &self.executions {
            let size = said.iter().map(|m| m.size() + AROUND).sum::<usize>();
            if newest.size + size > bytes {
                newest.more = true;
                break;
            }
            newest.size += size;
            newest.executions.push((id.clone(), said.clone()));
        }
        newest
    }

    /// All that was said and done, the oldest first.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &ChatMessage> {
        self.executions.iter().rev().flat_map(|(_, said)| said)
    }

    /// Which executions these are.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.executions.iter().map(|(id, _)| id.clone()).collect()
    }
}

/// An earlier execution as the model lived through it.
fn remembered(execution: &AgentExecution) -> Vec<ChatMessage> {
    let messages = execution.status.as_ref().map_or(&[][..], |s| &s.messages);
    let id = |m: &AgentMessage| m.tool_calls.first().map(|c| c.id.clone());
    let tools = messages
        .iter()
        .filter(|m| m.r#type() == MessageType::MessageTool);
    // A call without a result, or a result without a call, is no conversation for a model.
    let answered: BTreeSet<String> = tools.filter_map(id).collect();
    let mut requested = BTreeSet::new();
    let mut said = Vec::new();
    for message in messages {
        match message.r#type() {
            MessageType::MessageHuman => said.push(ChatMessage::user(&message.content)),
            MessageType::MessageAi => {
                let calls = message
                    .tool_calls
                    .iter()
                    .filter(|c| answered.contains(&c.id));
                let calls: Vec<FunctionCall> = calls
                    .map(|c| {
                        requested.insert(c.id.clone());
                        FunctionCall::new(&c.id, &c.name, written(c))
                    })
                    .collect();
                if !message.content.is_empty() || !calls.is_empty() {
                    said.push(ChatMessage::assistant(&message.content, calls));
                }
            }
            MessageType::MessageTool => {
                if let Some(id) = id(message).filter(|id| requested.contains(id)) {
                    said.push(ChatMessage::tool(&id, &message.content));
                }
            }
            _ => {}
        }
    }
    said
}

/// Stored arguments as a model would write them.
fn written(call: &ToolCall) -> String {
    json::of_struct(&call.args.clone().unwrap_or_default()).to_string()
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
