//! Tool calls, put together from the pieces in which they arrive.

use serde::Deserialize;
use serde_json::Value;

use crate::transcript::RequestedCall;

/// A piece of a call. Servers differ: the whole call at once or letter by letter, with or without
/// an index or an id, both repeated in every piece or not.
#[derive(Debug, Deserialize)]
pub(super) struct CallDelta {
    index: Option<usize>,
    id: Option<String>,
    #[serde(default)]
    function: FunctionDelta,
}

#[derive(Debug, Default, Deserialize)]
struct FunctionDelta {
    name: Option<String>,
    /// A text; some servers send the object itself.
    arguments: Option<Value>,
}

/// The calls of one answer.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<(Option<usize>, RequestedCall)>);

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of what the calls say.
    pub(super) fn size(&self) -> usize {
        let size = |c: &RequestedCall| c.id.len() + c.name.len() + c.arguments.len();
        self.0.iter().map(|(_, call)| size(call)).sum()
    }

    pub(super) fn add(&mut self, delta: CallDelta) {
        let id = delta.id.unwrap_or_default();
        let name = delta.function.name.unwrap_or_default();
        let arguments = match delta.function.arguments {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            Some(object) => object.to_string(),
        };
        let same = match delta.index {
            Some(_) => self
                .0
                .iter_mut()
                .rev()
                .find(|(index, _)| *index == delta.index),
            None => self.0.last_mut(),
        };
        match same {
            Some((_, call)) if !Self::another(call, &id, &name, delta.index) => {
                extend(&mut call.id, &id);
                extend(&mut call.name, &name);
                call.arguments.push_str(&arguments);
            }
            _ => {
                let call = RequestedCall {
                    id,
                    name,
                    arguments,
                };
                self.0.push((delta.index, call));
            }
        }
    }

    /// Whether a piece begins a call after `call`, though its index, if it has one, is the same:
    /// some servers give each whole call the index 0.
    fn another(call: &RequestedCall, id: &str, name: &str, index: Option<usize>) -> bool {
        let other_id = !id.is_empty() && !call.id.is_empty() && id != call.id;
        let named = !name.is_empty() && !call.name.is_empty();
        match index {
            Some(_) => other_id && named,
            None => other_id || (named && id.is_empty()),
        }
    }

    pub(super) fn take(self) -> Vec<RequestedCall> {
        self.0.into_iter().map(|(_, call)| call).collect()
    }
}

/// Adds a piece, unless it is the whole said again.
fn extend(text: &mut String, piece: &str) {
    if text != piece {
        text.push_str(piece);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn assembled(pieces: Value) -> Vec<(String, String, String)> {
        let mut calls = Calls::default();
        for piece in pieces.as_array().unwrap() {
            calls.add(serde_json::from_value(piece.clone()).unwrap());
        }
        let calls = calls.take().into_iter();
        calls.map(|c| (c.id, c.name, c.arguments)).collect()
    }

    fn call(id: &str, name: &str, arguments: &str) -> (String, String, String) {
        (id.to_owned(), name.to_owned(), arguments.to_owned())
    }

    #[test]
    fn pieces_make_calls_whatever_the_server_sends() {
        let cases = [
            (
                "arguments in pieces",
                json!([
                    {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
                    {"index": 0, "function": {"arguments": "{\"x\""}},
                    {"index": 0, "function": {"arguments": ":1}"}},
                ]),
                vec![call("a", "f", "{\"x\":1}")],
            ),
            (
                "id and name in pieces",
                json!([
                    {"index": 0, "id": "ab"}, {"index": 0, "id": "cd"},
                    {"index": 0, "function": {"name": "get_"}},
                    {"index": 0, "function": {"name": "it"}},
                    {"index": 0, "function": {"arguments": "{}"}},
                ]),
                vec![call("abcd", "get_it", "{}")],
            ),
            (
                "two at once, interleaved",
                json!([
                    {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}},
                    {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{"}},
                    {"index": 0, "function": {"arguments": "}"}},
                    {"index": 1, "function": {"arguments": "\"y\":2}"}},
                ]),
                vec![call("a", "f", "{}"), call("b", "g", "{\"y\":2}")],
            ),
            (
                "id and name in every piece",
                json!([
                    {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}},
                    {"index": 0, "id": "a", "function": {"name": "f", "arguments": "}"}},
                ]),
                vec![call("a", "f", "{}")],
            ),
            (
                "whole calls, all with index 0",
                json!([
                    {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}},
                    {"index": 0, "id": "b", "function": {"name": "f", "arguments": "{}"}},
                ]),
                vec![call("a", "f", "{}"), call("b", "f", "{}")],
            ),
            (
                "no index",
                json!([
                    {"id": "a", "function": {"name": "f", "arguments": "{"}},
                    {"function": {"arguments": "}"}},
                    {"id": "b", "function": {"name": "g", "arguments": "{}"}},
                ]),
                vec![call("a", "f", "{}"), call("b", "g", "{}")],
            ),
            (
                "neither index nor id",
                json!([
                    {"function": {"name": "f", "arguments": "{}"}},
                    {"function": {"name": "f", "arguments": "{}"}},
                ]),
                vec![call("", "f", "{}"), call("", "f", "{}")],
            ),
            (
                "arguments as an object, or none",
                json!([
                    {"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}},
                    {"index": 1, "id": "b", "function": {"name": "g", "arguments": null}},
                ]),
                vec![call("a", "f", "{\"x\":1}"), call("b", "g", "")],
            ),
        ];
        for (what, pieces, expected) in cases {
            assert_eq!(assembled(pieces), expected, "{what}");
        }
    }
}
