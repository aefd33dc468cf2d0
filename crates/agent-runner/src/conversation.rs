//! What the model is sent, derived from what was said and done.

use std::collections::{BTreeMap, BTreeSet};

use pbjson_types::Struct;
use serde_json::Value;
use stigmer_api::agentexecution::{AgentExecution, AgentMessage, MessageType};

use crate::{
    model::{ChatMessage, FunctionCall},
    talk::{self, Call, Turn},
};

/// The most of a session that the model is reminded of, in bytes of text.
const MEMORY: usize = 256 * 1024;
/// What the model is told of a session that was longer.
const FORGOTTEN: &str = "Earlier messages of this session were left out: it was too long.";

/// Who the model is, what was said in the session, what is asked now, and what came of it so far.
/// `earlier` is the session's other executions, oldest first; `more`: there were older ones.
pub(crate) fn conversation(
    system: &str,
    earlier: &[AgentExecution],
    more: bool,
    message: &str,
    turns: &[Turn],
) -> Vec<ChatMessage> {
    let (memory, dropped) = memory(earlier, MEMORY);
    let system = match more || dropped {
        true => format!("{system}\n\n{FORGOTTEN}"),
        false => system.to_owned(),
    };
    let mut conversation = vec![ChatMessage::system(system)];
    conversation.extend(memory);
    conversation.push(ChatMessage::user(message));
    for turn in turns {
        let calls = turn.calls.iter().map(call).collect();
        conversation.push(ChatMessage::assistant(&turn.text, calls));
        conversation.extend(
            turn.calls
                .iter()
                .map(|c| ChatMessage::tool(&c.id, &c.result)),
        );
    }
    conversation
}

fn call(call: &Call) -> FunctionCall {
    // Servers parse what they are sent back, so what was no object is not repeated; the result
    // says what was wrong.
    let arguments = match talk::arguments(&call.arguments) {
        Ok(_) if !call.arguments.trim().is_empty() => call.arguments.clone(),
        _ => "{}".to_owned(),
    };
    FunctionCall::new(&call.id, &call.name, arguments)
}

/// The last executions whose text fits into `most` bytes, and whether older ones did not. Whole
/// executions are dropped, so that no tool's result is without its call.
fn memory(earlier: &[AgentExecution], most: usize) -> (Vec<ChatMessage>, bool) {
    let mut size = 0;
    let mut kept: Vec<Vec<ChatMessage>> = Vec::new();
    for execution in earlier.iter().rev() {
        let said = remembered(execution);
        size += said.iter().map(ChatMessage::size).sum::<usize>();
        if size > most {
            break;
        }
        kept.push(said);
    }
    let dropped = kept.len() < earlier.len();
    (kept.into_iter().rev().flatten().collect(), dropped)
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
    let mut asked = BTreeSet::new();
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
                        asked.insert(c.id.clone());
                        FunctionCall::new(&c.id, &c.name, written(c.args.as_ref()))
                    })
                    .collect();
                if !message.content.is_empty() || !calls.is_empty() {
                    said.push(ChatMessage::assistant(&message.content, calls));
                }
            }
            MessageType::MessageTool => {
                if let Some(id) = id(message).filter(|id| asked.contains(id)) {
                    said.push(ChatMessage::tool(&id, &message.content));
                }
            }
            _ => {}
        }
    }
    said
}

/// Stored arguments as a model would write them, always alike: a stored object has no order and
/// its numbers are all floating.
fn written(args: Option<&Struct>) -> String {
    fn plain(value: Value) -> Value {
        match value {
            Value::Object(map) => {
                let sorted: BTreeMap<_, _> = map.into_iter().map(|(k, v)| (k, plain(v))).collect();
                sorted.into_iter().collect()
            }
            Value::Array(items) => items.into_iter().map(plain).collect(),
            Value::Number(n) => match n.as_f64() {
                // Whole numbers up to here are exact.
                Some(f) if f.fract() == 0.0 && f.abs() < 9e15 => Value::from(f as i64),
                _ => Value::Number(n),
            },
            other => other,
        }
    }
    let value = args.and_then(|args| serde_json::to_value(args).ok());
    value.map_or_else(|| "{}".to_owned(), |value| plain(value).to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
