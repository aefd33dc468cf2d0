//! Calls as servers send them.

use serde_json::json;

use super::*;

fn assembled(pieces: Value) -> Vec<(String, String, String)> {
    let mut calls = Calls::default();
    for piece in pieces.as_array().unwrap() {
        calls.add(CallDelta::read(piece).unwrap());
    }
    let calls = calls.take(None).into_iter();
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
            "whole calls of one id, with an index or without",
            json!([
                {"index": 0, "id": "call_0", "function": {"name": "f", "arguments": "{\"x\":1}"}},
                {"index": 0, "id": "call_0", "function": {"name": "g", "arguments": "{}"}},
                {"index": 0, "id": "call_0", "function": {"name": "g", "arguments": "{\"x\":1}"}},
                {"index": 0, "id": "call_0", "function": {"name": "g", "arguments": "{\"x\":2}"}},
                {"id": "call_0", "function": {"name": "h", "arguments": "{\"x\":2}"}},
                {"id": "call_0", "function": {"name": "f", "arguments": "{}"}},
            ]),
            vec![
                call("call_0", "f", "{\"x\":1}"),
                call("call_0", "g", "{\"x\":1}"),
                call("call_0", "g", "{\"x\":2}"),
                call("call_0", "h", "{\"x\":2}"),
                call("call_0", "f", "{}"),
            ],
        ),
        (
            "no index, two at once",
            json!([
                {"id": "a", "function": {"name": "f", "arguments": "{\"x\""}},
                {"id": "b", "function": {"name": "g", "arguments": "{"}},
                {"id": "a", "function": {"arguments": ":1}"}},
                {"id": "b", "function": {"name": "g", "arguments": "}"}},
            ]),
            vec![call("a", "f", "{\"x\":1}"), call("b", "g", "{}")],
        ),
        (
            "a name and a new id in each piece",
            json!([
                {"index": 0, "id": "1", "function": {"name": "f", "arguments": ""}},
                {"index": 0, "id": "2", "function": {"name": "f", "arguments": "{\"x\""}},
                {"index": 0, "id": "3", "function": {"name": "f", "arguments": ":1}"}},
            ]),
            vec![call("1", "f", "{\"x\":1}")],
        ),
        (
            "an empty object first",
            json!([
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}},
                {"index": 0, "function": {"arguments": "{\"x\""}},
                {"index": 0, "function": {"arguments": ":1}"}},
                {"index": 1, "id": "b", "function": {"name": "f", "arguments": {}}},
                {"index": 1, "id": "b", "function": {"name": "f", "arguments": "{\"x\":2}"}},
            ]),
            vec![call("a", "f", "{\"x\":1}"), call("b", "f", "{\"x\":2}")],
        ),
        (
            "calls without arguments, all with index 0",
            json!([
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}},
                {"index": 0, "id": "b", "function": {"name": "g", "arguments": ""}},
                {"index": 0, "id": "c", "function": {"name": "g", "arguments": ""}},
            ]),
            vec![call("a", "f", ""), call("b", "g", ""), call("c", "g", "")],
        ),
        (
            "arguments under another name",
            json!([
                {"index": 0, "id": "a", "function": {"name": "f", "parameters": {"x": 1}}},
                {"index": 1, "id": "b", "name": "g", "input": {"x": 1}, "arguments": null},
            ]),
            vec![call("a", "f", "{\"x\":1}"), call("b", "g", "{\"x\":1}")],
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

/// Whether the last call of an answer is marked that had these pieces and was cut.
fn marks(pieces: Value) -> Vec<Option<Cut>> {
    let mut calls = Calls::default();
    for piece in pieces.as_array().unwrap() {
        calls.add(CallDelta::read(piece).unwrap());
    }
    let calls = calls.take(Some(Cut::Length));
    calls.iter().map(|call| cut::of(&call.arguments)).collect()
}

#[test]
fn the_last_call_of_an_answer_that_was_cut_is_made_only_if_it_is_whole() {
    let piece = |index: u32, arguments: &str| json!({"index": index, "id": index, "function": {"name": "f", "arguments": arguments}});
    for arguments in ["", " ", "{}", "{\"x\"", "{\"x\":1", "[1]", "7"] {
        assert_eq!(
            marks(json!([piece(0, arguments)])),
            [Some(Cut::Length)],
            "{arguments}"
        );
        // Those before it are whole: a call without arguments has none.
        assert_eq!(
            marks(json!([piece(0, ""), piece(1, arguments)])),
            [None, Some(Cut::Length)],
            "{arguments}"
        );
    }
    assert_eq!(marks(json!([piece(0, "{\"x\":1} ")])), [None]);
    assert!(marks(json!([])).is_empty());
}

/// The calls of messages that stand where pieces are meant.
fn restated(messages: Value) -> Vec<(String, String, String)> {
    let mut calls = Calls::default();
    for message in messages.as_array().unwrap() {
        let deltas = message.as_array().unwrap().iter();
        calls.restate(
            deltas
                .map(|piece| CallDelta::read(piece).unwrap())
                .collect(),
        );
    }
    let calls = calls.take(None).into_iter();
    calls.map(|c| (c.id, c.name, c.arguments)).collect()
}

#[test]
fn messages_say_calls_in_pieces_or_all_of_them_again() {
    let f = |arguments: &str| json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": arguments}});
    let g = json!({"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}});
    let of_f = |arguments| call("a", "f", arguments);
    let cases = [
        (
            "in pieces",
            json!([
                [f("")],
                [{"index": 0, "function": {"arguments": "{\"x\""}}],
                [{"index": 0, "function": {"arguments": ":1}"}}],
            ]),
            vec![of_f("{\"x\":1}")],
        ),
        (
            "id and name in every piece",
            json!([[f("")], [f("{\"x\"")], [f(":1}")]]),
            vec![of_f("{\"x\":1}")],
        ),
        (
            "all of it each time",
            json!([[f("{\"x\"")], [f("{\"x\":1}")], [f("{\"x\":1}")], []]),
            vec![of_f("{\"x\":1}")],
        ),
        (
            "once more without ids",
            json!([[f("{}")], [{"function": {"name": "f", "arguments": "{}"}}]]),
            vec![of_f("{}")],
        ),
        (
            "one after the other",
            json!([[f("{}")], [g]]),
            vec![of_f("{}"), call("b", "g", "{}")],
        ),
        (
            "one more each time",
            json!([[f("{}")], [f("{}"), g]]),
            vec![of_f("{}"), call("b", "g", "{}")],
        ),
    ];
    for (what, messages, expected) in cases {
        assert_eq!(restated(messages), expected, "{what}");
    }
}
