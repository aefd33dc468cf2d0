//! What an agent said and did so far, as its workflow keeps it. Everything that is shown or sent
//! to the model is derived from this.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The most that a talk may hold, in bytes: the server shows each result three times and its
/// clients take 4 MiB, Temporal takes 2 MiB in one piece.
pub(crate) const MOST: usize = 768 * 1024;
/// A model's own id of a call is kept up to this length; it becomes part of names.
const MAX_ID: usize = 64;

/// All turns of one agent in one execution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Talk {
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
}

/// A tool call as the model wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// Empty where the model gave none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) id: String,
    pub(crate) name: String,
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
    /// Unique in the talk.
    pub(crate) id: String,
    pub(crate) name: String,
    /// As the model wrote them.
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
    match serde_json::from_str(written) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("the arguments are no JSON object; call it again with one".to_owned()),
        Err(e) => Err(format!(
            "the arguments are no JSON ({e}); call it again with a JSON object"
        )),
    }
}

impl Talk {
    /// All calls so far, in order.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.turns.iter().flat_map(|t| &t.calls)
    }

    /// Adds the model's answer; calls without an id, or with one that was used, get their own.
    pub(crate) fn answer(&mut self, text: String, at: String, asked: Vec<Asked>) {
        let mut used: BTreeSet<String> = self.calls().map(|c| c.id.clone()).collect();
        let before = used.len();
        let mut calls = Vec::with_capacity(asked.len());
        for (i, asked) in asked.into_iter().enumerate() {
            let given = !asked.id.is_empty() && asked.id.len() <= MAX_ID;
            let mut id = match given {
                true => asked.id,
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
                name: asked.name,
                arguments: asked.arguments,
                ..Call::default()
            });
        }
        self.turns.push(Turn { text, at, calls });
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

    fn size(&self) -> usize {
        let call = |c: &Call| c.arguments.len() + c.result.len();
        let turns = self.turns.iter().map(|t| t.text.len()).sum::<usize>();
        let subs = self.sub_agents.iter();
        let subs =
            subs.map(|s| s.input.len() + s.output.len() + s.calls.iter().map(call).sum::<usize>());
        turns + self.calls().map(call).sum::<usize>() + subs.sum::<usize>()
    }

    /// Drops the oldest long results until the talk holds at most `most` bytes.
    pub(crate) fn fit(&mut self, most: usize) {
        /// Shorter results are kept: dropping them frees little.
        const SHORT: usize = 200;
        let mut size = self.size();
        let own = self.sub_agents.iter_mut().flat_map(|s| &mut s.calls);
        let calls = self.turns.iter_mut().flat_map(|t| &mut t.calls);
        for call in own.chain(calls) {
            if size <= most {
                return;
            }
            if call.result.len() > SHORT {
                size -= call.result.len();
                call.result = format!(
                    "[dropped: {} bytes, to keep the conversation short]",
                    call.result.len()
                );
                size += call.result.len();
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn asked(id: &str) -> Asked {
        Asked {
            id: id.to_owned(),
            name: "t".to_owned(),
            arguments: String::new(),
        }
    }

    fn ids(talk: &Talk) -> Vec<&str> {
        talk.calls().map(|c| c.id.as_str()).collect()
    }

    #[test]
    fn every_call_has_an_id_of_its_own() {
        let mut talk = Talk::default();
        talk.answer(String::new(), String::new(), vec![asked("a"), asked("")]);
        talk.answer(
            String::new(),
            String::new(),
            vec![asked("a"), asked("a"), asked("")],
        );
        talk.answer(
            String::new(),
            String::new(),
            vec![asked("call_7"), asked("")],
        );
        let long = "x".repeat(65);
        talk.answer(String::new(), String::new(), vec![asked(&long)]);
        assert_eq!(
            ids(&talk),
            [
                "a", "call_2", "a~2", "a~3", "call_5", "call_7", "call_7~2", "call_8"
            ]
        );
    }

    #[test]
    fn arguments_are_an_object_or_the_model_is_told() {
        assert!(arguments("").unwrap().is_empty());
        assert_eq!(arguments(r#"{"a":1}"#).unwrap()["a"], 1);
        assert!(arguments("[1]").unwrap_err().contains("no JSON object"));
        assert!(arguments("{\"a\"").unwrap_err().contains("no JSON (EOF"));
    }

    #[test]
    fn what_is_under_way_is_abandoned_and_the_rest_stays() {
        let mut talk = Talk::default();
        talk.answer(String::new(), String::new(), vec![asked("a"), asked("b")]);
        talk.turns[0].calls[0].end(false, "done".to_owned(), "1".to_owned());
        assert!(talk.abandon("cancelled", "2"));
        assert!(!talk.abandon("again", "3"));
        let calls = &talk.turns[0].calls;
        assert_eq!(
            (calls[0].result.as_str(), calls[0].state),
            ("done", CallState::Completed)
        );
        assert_eq!(
            (calls[1].result.as_str(), calls[1].state),
            ("cancelled", CallState::Failed)
        );
    }

    #[test]
    fn the_oldest_long_results_are_dropped_first() {
        let mut talk = Talk::default();
        talk.answer(
            String::new(),
            String::new(),
            vec![asked("a"), asked("b"), asked("c")],
        );
        for (call, length) in talk.turns[0].calls.iter_mut().zip([100, 1000, 1000]) {
            call.end(false, "r".repeat(length), String::new());
        }
        talk.fit(2100);
        assert_eq!(talk.size(), 2100);
        talk.fit(1500);
        let lengths: Vec<usize> = talk.calls().map(|c| c.result.len()).collect();
        assert_eq!((lengths[0], lengths[2]), (100, 1000));
        assert!(
            talk.turns[0].calls[1].result.contains("1000 bytes"),
            "{talk:?}"
        );
    }
}
