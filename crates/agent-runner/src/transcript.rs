//! What an agent said and did so far, as its workflow keeps it. Everything that is shown or sent
//! to the model is derived from this.

pub(crate) mod cut;
pub(crate) mod numbers;
pub(crate) mod size_limit;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A model's own id of a call is kept up to this length; it becomes part of names.
const MAX_ID: usize = 64;
/// How deep arguments may be nested. Each level is three messages of protobuf, which are read down to
/// the hundredth; what stands around a sub-agent's call takes twenty.
const MAX_DEPTH: usize = 24;

/// All turns of one agent in one execution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Transcript {
    pub(crate) turns: Vec<Turn>,
    /// What sub-agents did, in the order of their calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sub_agents: Vec<SubAgentRun>,
}

/// One answer of the model and what came of its tool calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Turn {
    pub(crate) text: String,
    pub(crate) at: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) calls: Vec<Call>,
    #[serde(default, skip_serializing_if = "Ending::is_empty")]
    pub(crate) ending: Ending,
}

/// What an answer's end said of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ending {
    /// Why it ended, in the server's word.
    pub(crate) finish_reason: String,
    /// The model's name as it answered.
    pub(crate) model: String,
    pub(crate) tokens: Tokens,
}

/// What answers took, as their servers counted it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tokens {
    /// Of questions.
    pub(crate) input: u32,
    /// Of answers, thoughts included.
    pub(crate) output: u32,
}

impl Ending {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Tokens {
    /// Together with `more`.
    pub(crate) fn plus(self, more: Self) -> Self {
        Self {
            input: self.input.saturating_add(more.input),
            output: self.output.saturating_add(more.output),
        }
    }
}

/// A tool call as the model wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RequestedCall {
    /// Empty where the model gave none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) id: String,
    pub(crate) name: String,
    /// With a mark where they were cut with the answer: see [`cut`].
    pub(crate) arguments: String,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CallState {
    #[default]
    Pending,
    Running,
    Completed,
    Failed,
}

/// A tool call and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Call {
    /// Unique in the transcript.
    pub(crate) id: String,
    pub(crate) name: String,
    /// As the model wrote them; as in [`RequestedCall`] where they were cut.
    pub(crate) arguments: String,
    pub(crate) state: CallState,
    /// Empty until it ended.
    pub(crate) result: String,
    pub(crate) started_at: String,
    pub(crate) completed_at: String,
    /// What kind of thing was called, and which of them.
    pub(crate) component: Component,
}

/// Where a tool comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Component {
    /// `mcp`, `file` or `sub_agent`; empty for a tool that is not there.
    pub(crate) kind: String,
    /// The MCP server's or sub-agent's name.
    pub(crate) group: String,
}

/// One run of a sub-agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SubAgentRun {
    /// The id of the call that started it.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) input: String,
    pub(crate) output: String,
    pub(crate) state: CallState,
    pub(crate) error: String,
    pub(crate) started_at: String,
    pub(crate) completed_at: String,
    /// The sub-agent's own tool calls.
    pub(crate) calls: Vec<Call>,
    /// Of its last answer; its tokens are those of all.
    #[serde(default, skip_serializing_if = "Ending::is_empty")]
    pub(crate) ending: Ending,
}

impl Call {
    pub(crate) fn ended(&self) -> bool {
        matches!(self.state, CallState::Completed | CallState::Failed)
    }

    /// Ends the call.
    pub(crate) fn end(&mut self, failed: bool, result: String, at: String) {
        self.state = match failed {
            true => CallState::Failed,
            false => CallState::Completed,
        };
        self.result = result;
        self.completed_at = at;
    }
}

/// The arguments as an object; none at all are an empty one.
///
/// # Errors
/// With a sentence for the model.
pub(crate) fn arguments(written: &str) -> Result<Map<String, Value>, String> {
    if written.trim().is_empty() {
        return Ok(Map::new());
    }
    if let Some(cut) = cut::of(written) {
        return Err(cut::not_called(cut).to_owned());
    }
    match serde_json::from_str(written) {
        Ok(Value::Object(object)) if object.values().any(|v| deeper(v, MAX_DEPTH - 1)) => {
            Err(format!(
                "the arguments are nested more than {MAX_DEPTH} deep; call it again with flatter ones"
            ))
        }
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("the arguments are no JSON object; call it again with one".to_owned()),
        Err(e) => Err(format!(
            "the arguments are no JSON ({e}); call it again with a JSON object"
        )),
    }
}

/// Whether a value has more than `levels` lists and objects within each other.
fn deeper(value: &Value, levels: usize) -> bool {
    let below = |v: &Value| deeper(v, levels.saturating_sub(1));
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(below),
        Value::Object(object) => levels == 0 || object.values().any(below),
        _ => false,
    }
}

impl Transcript {
    /// All calls so far, in order.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.turns.iter().flat_map(|t| &t.calls)
    }

    /// Adds the model's answer; calls without an id, or with one that was used, get their own.
    pub(crate) fn answer(&mut self, text: String, at: String, requested: Vec<RequestedCall>) {
        let mut used: BTreeSet<String> = self.calls().map(|c| c.id.clone()).collect();
        let before = used.len();
        let mut calls = Vec::with_capacity(requested.len());
        for (i, requested) in requested.into_iter().enumerate() {
            let given = !requested.id.is_empty() && requested.id.len() <= MAX_ID;
            let mut id = match given {
                true => requested.id,
                false => format!("call_{}", before + i + 1),
            };
            let mut again = 1;
            while used.contains(&id) {
                again += 1;
                let base = id.split_once('~').map_or(id.as_str(), |(base, _)| base);
                id = format!("{base}~{again}");
            }
            used.insert(id.clone());
            calls.push(Call {
                id,
                name: requested.name,
                arguments: requested.arguments,
                ..Call::default()
            });
        }
        self.turns.push(Turn {
            text,
            at,
            calls,
            ending: Ending::default(),
        });
    }

    /// Ends what is still under way. True if something was.
    pub(crate) fn abandon(&mut self, why: &str, at: &str) -> bool {
        let mut changed = false;
        for call in self.turns.iter_mut().flat_map(|t| &mut t.calls) {
            if !call.ended() {
                call.end(true, why.to_owned(), at.to_owned());
                changed = true;
            }
        }
        for sub in &mut self.sub_agents {
            if sub.state == CallState::Running {
                sub.state = CallState::Failed;
                why.clone_into(&mut sub.error);
                at.clone_into(&mut sub.completed_at);
            }
        }
        changed
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
