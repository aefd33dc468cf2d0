//! An answer as a test writes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{condition::When, piece::Piece, raw::Raw, tool::Tool};
use crate::canned::check;

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
    pub usage: Option<Box<RawValue>>,
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
    pub body: Option<Box<RawValue>>,
    /// The connection is reset after so many pieces; a tool call has one for its name and several for its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_after_pieces: Option<usize>,
    /// An event after the first piece is no JSON.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub garbage: bool,
    /// The request is never answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub never: bool,
    /// The answer as it stands, whatever it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<Raw>,
}

impl ScriptedAnswer {
    /// About how many bytes it says.
    pub(super) fn size(&self) -> usize {
        let raw = self.raw.iter().flat_map(|raw| &raw.pieces);
        let pieces = self.pieces.iter().chain(raw).map(Piece::size);
        let tools = self.tools.iter().map(Tool::size);
        self.text.as_ref().map_or(0, String::len) + pieces.chain(tools).sum::<usize>()
    }

    /// How many pieces it has.
    fn count(&self) -> usize {
        let spoken = self.pieces.iter().filter(|piece| !piece.holds()).count();
        let calls = self.tools.iter().map(Tool::count);
        usize::from(self.text.is_some()) + spoken + calls.sum::<usize>()
    }

    /// What is wrong with it.
    ///
    /// # Errors
    /// A sentence for whoever wrote it.
    pub fn check(&self) -> Result<(), String> {
        let says = self.text.is_some() || !self.pieces.is_empty() || !self.tools.is_empty();
        let faulty = self.cut_after_pieces.is_some() || self.garbage;
        let kinds = [says, self.status.is_some(), self.never, self.raw.is_some()];
        if kinds.into_iter().filter(|is| *is).count() != 1 {
            return Err(
                "it takes one of: what is said (text or pieces, tools), status, never, raw"
                    .to_owned(),
            );
        }
        if self.text.is_some() && !self.pieces.is_empty() {
            return Err("text and pieces are two ways to say the same: it takes one".to_owned());
        }
        for (index, piece) in self.pieces.iter().enumerate() {
            let wrong = |why| format!("piece {index}: {why}");
            piece.check(false).map_err(wrong)?;
        }
        if let Some(raw) = &self.raw {
            raw.check().map_err(|why| format!("raw: {why}"))?;
            if self.usage.is_some() || self.finish_reason.is_some() {
                return Err("what is raw says its usage and why it ends itself".to_owned());
            }
        }
        check(self.status, &self.headers, self.body.as_deref())?;
        if faulty && !says {
            return Err("only what is said can be cut or have garbage in it".to_owned());
        }
        // Counted only where it matters: a call's arguments are gone through for it.
        if let Some(cut) = self.cut_after_pieces {
            let pieces = self.count();
            if cut > pieces {
                return Err(format!(
                    "it has {pieces} pieces, so it cannot be cut after more"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_connections_own_headers_are_refused_with_their_place() {
        for name in [
            "content-length",
            "Transfer-Encoding",
            "connection",
            "keep-alive",
            "te",
            "trailer",
            "upgrade",
            "host",
            "proxy-connection",
        ] {
            for answer in [
                json!({ "status": 429, "headers": { name: "5" } }),
                json!({ "raw": { "headers": { name: "5" } } }),
            ] {
                let read: ScriptedAnswer = serde_json::from_str(&answer.to_string()).unwrap();
                let said = read.check().unwrap_err();
                assert!(
                    said.contains(name) && said.contains("leave it out"),
                    "{said}"
                );
            }
        }
    }

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
            (
                json!({ "pieces": [{ "hold": false }] }),
                "piece 0: a piece that does not hold is a text",
            ),
            (
                json!({ "pieces": ["a", { "delay_ms": 1 }] }),
                "piece 1: a piece takes one of",
            ),
            (
                json!({ "pieces": [{ "text": "a", "hold": true }] }),
                "takes one of",
            ),
            (
                json!({ "pieces": [{ "base64": "YQ==" }] }),
                "only a raw answer",
            ),
            (json!({ "raw": {}, "text": "a" }), "one of"),
            (json!({ "raw": { "status": 600 } }), "raw: 600 is no status"),
            (
                json!({ "raw": { "pieces": [{ "base64": "?" }] } }),
                "raw: piece 0: a piece is no base64",
            ),
            (json!({ "raw": {}, "finish_reason": "stop" }), "raw says"),
            (
                json!({ "raw": {}, "cut_after_pieces": 1 }),
                "only what is said",
            ),
        ] {
            let read: ScriptedAnswer = serde_json::from_str(&answer.to_string()).unwrap();
            let said = read.check().unwrap_err();
            assert!(said.contains(why), "{answer}: {said}");
        }
        for unknown in [
            json!({ "txt": "a" }),
            json!({ "pieces": [{ "txt": "a" }] }),
            json!({ "raw": { "end": "never" } }),
        ] {
            let read = serde_json::from_str::<ScriptedAnswer>(&unknown.to_string());
            assert!(read.is_err(), "{unknown}");
        }
    }
}
