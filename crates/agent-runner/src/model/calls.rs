//! Tool calls, put together from the pieces in which they arrive.

use serde_json::Value;

use crate::transcript::RequestedCall;

/// A piece of a call. Servers differ: the whole call at once or letter by letter, with or without
/// an index or an id, both repeated in every piece or not.
#[derive(Debug)]
pub(super) struct CallDelta {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl CallDelta {
    /// Reads what a server sends for one; nothing where there is none.
    pub(super) fn read(call: &Value) -> Option<Self> {
        let call = call.as_object()?;
        // Some leave the object around name and arguments out.
        let function = call.get("function").and_then(Value::as_object);
        let function = function.unwrap_or(call);
        let text = |value: Option<&Value>| match value {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            // An id may be a number, arguments the object itself.
            Some(other) => other.to_string(),
        };
        let index = call.get("index");
        let written = || index?.as_str()?.parse().ok();
        Some(Self {
            index: index.and_then(Value::as_u64).or_else(written),
            id: text(call.get("id")),
            name: text(function.get("name")),
            arguments: text(function.get("arguments")),
        })
    }
}

/// The calls of one answer.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<(Option<u64>, RequestedCall)>);

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
        let CallDelta {
            index,
            id,
            name,
            arguments,
        } = delta;
        let same = match index {
            Some(_) => self.0.iter_mut().rev().find(|(i, _)| *i == index),
            None => self.0.last_mut(),
        };
        let piece = RequestedCall {
            id,
            name,
            arguments,
        };
        match same {
            Some((_, call)) if is_again(call, &piece) => {}
            Some((_, call)) if !is_another(call, &piece, index) => {
                extend(&mut call.id, &piece.id);
                extend(&mut call.name, &piece.name);
                call.arguments.push_str(&piece.arguments);
            }
            _ => self.0.push((index, piece)),
        }
    }

    pub(super) fn take(self) -> Vec<RequestedCall> {
        self.0.into_iter().map(|(_, call)| call).collect()
    }
}

/// Whether a piece says a whole call, known by its id, once more.
fn is_again(call: &RequestedCall, piece: &RequestedCall) -> bool {
    !piece.id.is_empty() && call == piece && is_whole(&call.arguments)
}

/// Whether a piece begins a call after `call`, though its index, if it has one, is the same:
/// some servers give each whole call the index 0.
fn is_another(call: &RequestedCall, piece: &RequestedCall, index: Option<u64>) -> bool {
    let other_id = !piece.id.is_empty() && !call.id.is_empty() && piece.id != call.id;
    let named = !piece.name.is_empty() && !call.name.is_empty();
    // Nothing follows a whole object; a name may be repeated beside an empty piece of one.
    let same_id = !piece.id.is_empty() && piece.id == call.id;
    let more = piece.name != call.name || !piece.arguments.is_empty();
    let after_whole = named && !same_id && more && is_whole(&call.arguments);
    match index {
        Some(_) => (other_id && named) || after_whole,
        None => other_id || (named && piece.id.is_empty()),
    }
}

/// Whether arguments are all there.
fn is_whole(arguments: &str) -> bool {
    arguments.trim_end().ends_with('}') && serde_json::from_str::<Value>(arguments).is_ok()
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
            calls.add(CallDelta::read(piece).unwrap());
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
                "whole calls, all with index 0 and an empty id",
                json!([
                    {"index": 0, "id": "", "function": {"name": "f", "arguments": "{}"}},
                    {"index": 0, "id": "", "function": {"name": "g", "arguments": "{}"}},
                    {"index": 0, "id": "", "function": {"name": "g", "arguments": "{}"}},
                ]),
                vec![
                    call("", "f", "{}"),
                    call("", "g", "{}"),
                    call("", "g", "{}"),
                ],
            ),
            (
                "one index, the second call in pieces",
                json!([
                    {"index": 0, "function": {"name": "f", "arguments": "{\"a\":{}}"}},
                    {"index": 0, "function": {"name": "g", "arguments": ""}},
                    {"index": 0, "function": {"arguments": "{}"}},
                ]),
                vec![call("", "f", "{\"a\":{}}"), call("", "g", "{}")],
            ),
            (
                "the name in every piece",
                json!([
                    {"index": 0, "id": "", "function": {"name": "f", "arguments": "{}"}},
                    {"index": 0, "id": "", "function": {"name": "f", "arguments": ""}},
                ]),
                vec![call("", "f", "{}")],
            ),
            (
                "the whole call said again",
                json!([
                    {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}},
                    {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}},
                ]),
                vec![call("a", "f", "{}")],
            ),
            (
                "numbers as texts and texts as numbers, no object around",
                json!([
                    {"index": "0", "id": 7, "name": "f", "arguments": "{}"},
                    {"index": "1", "id": 8, "name": "g", "arguments": {"x": null}},
                ]),
                vec![call("7", "f", "{}"), call("8", "g", "{\"x\":null}")],
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
