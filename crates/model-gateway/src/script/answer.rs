//! An answer as a test writes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::condition::When;
use crate::canned::reply;

/// About how many characters of a call's arguments come at once.
const ARGUMENTS: usize = 8;

/// An answer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScriptedAnswer {
    /// The requests that it is for.
    #[serde(skip_serializing_if = "When::is_any")]
    pub when: When,
    /// What the model says, in one piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What the model says, piece by piece.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<Piece>,
    /// The tools that the model calls, after what it says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// `usage` as it is; in a stream only if the request asks for it, as OpenAI does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Value>,
    /// Why the model ends; default `tool_calls` with tools, else `stop`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Milliseconds before anything else happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// This status instead of an answer of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers that go with the status.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body that goes with the status, text or JSON; default an error object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The connection is reset after so many pieces; a tool call has one for its name and several for its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_after_pieces: Option<usize>,
    /// An event after the first piece is no JSON.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub garbage: bool,
    /// The request is never answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub never: bool,
}

/// A piece of what the model says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Piece {
    /// Words.
    Text(String),
    /// Words after a pause.
    Late(Late),
    /// Nothing more until the test releases it.
    Hold(Hold),
}

/// Words after a pause.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Late {
    /// The words.
    pub text: String,
    /// Milliseconds before them.
    pub delay_ms: u64,
}

/// A stop.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Whether it is one.
    pub hold: bool,
}

/// A call of a tool.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its id; default `call_N`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The tool.
    pub name: String,
    /// An object, or any text.
    #[serde(default)]
    pub arguments: Value,
}

impl Tool {
    /// The arguments as the model says them.
    pub fn said(&self) -> String {
        match &self.arguments {
            Value::Null => "{}".to_owned(),
            Value::String(text) => text.clone(),
            object => object.to_string(),
        }
    }

    /// The arguments as they are streamed.
    pub(super) fn parts(&self) -> Vec<String> {
        let said: Vec<char> = self.said().chars().collect();
        // At least two, so that nobody who reads only one can pass.
        let size = ARGUMENTS.min(said.len().div_ceil(2)).max(1);
        said.chunks(size)
            .map(|part| part.iter().collect())
            .collect()
    }
}

impl ScriptedAnswer {
    /// How many pieces it has.
    fn count(&self) -> usize {
        let spoken = |piece: &&Piece| !matches!(piece, Piece::Hold(_));
        // A call has one for its name and some for its arguments.
        let calls = self.tools.iter().map(|tool| 1 + tool.parts().len());
        usize::from(self.text.is_some())
            + self.pieces.iter().filter(spoken).count()
            + calls.sum::<usize>()
    }

    /// What is wrong with it.
    ///
    /// # Errors
    /// A sentence for whoever wrote it.
    pub fn check(&self) -> Result<(), String> {
        let says = self.text.is_some() || !self.pieces.is_empty() || !self.tools.is_empty();
        let faulty = self.cut_after_pieces.is_some() || self.garbage;
        let kinds =
            usize::from(says) + usize::from(self.status.is_some()) + usize::from(self.never);
        if kinds != 1 {
            return Err(
                "it takes one of: what is said (text or pieces, tools), status, never".to_owned(),
            );
        }
        if self.text.is_some() && !self.pieces.is_empty() {
            return Err("text and pieces are two ways to say the same: it takes one".to_owned());
        }
        if self
            .pieces
            .iter()
            .any(|p| matches!(p, Piece::Hold(h) if !h.hold))
        {
            return Err("a piece that does not hold is a text".to_owned());
        }
        match self.status {
            Some(status) => drop(reply(status, &self.headers, None)?),
            None if !self.headers.is_empty() || self.body.is_some() => {
                return Err("headers and body go with a status".to_owned());
            }
            None => {}
        }
        if faulty && !says {
            return Err("only what is said can be cut or have garbage in it".to_owned());
        }
        let pieces = self.count();
        if self.cut_after_pieces.is_some_and(|cut| cut > pieces) {
            return Err(format!(
                "it has {pieces} pieces, so it cannot be cut after more"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_that_mean_nothing_are_refused() {
        for (answer, why) in [
            (json!({}), "one of"),
            (json!({ "text": "a", "never": true }), "one of"),
            (json!({ "text": "a", "status": 500 }), "one of"),
            (json!({ "text": "a", "pieces": ["b"] }), "two ways"),
            (
                json!({ "text": "a", "headers": { "a": "b" } }),
                "with a status",
            ),
            (json!({ "status": 42 }), "no status"),
            (
                json!({ "status": 429, "headers": { "a b": "c" } }),
                "no header",
            ),
            (
                json!({ "status": 429, "garbage": true }),
                "only what is said",
            ),
            (
                json!({ "pieces": ["a", "b"], "cut_after_pieces": 3 }),
                "2 pieces",
            ),
            (json!({ "pieces": [{ "hold": false }] }), "is a text"),
        ] {
            let read: ScriptedAnswer = serde_json::from_value(answer.clone()).unwrap();
            let said = read.check().unwrap_err();
            assert!(said.contains(why), "{answer}: {said}");
        }
        assert!(serde_json::from_value::<ScriptedAnswer>(json!({ "txt": "a" })).is_err());
    }
}
