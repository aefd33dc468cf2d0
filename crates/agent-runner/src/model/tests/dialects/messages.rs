//! Messages where pieces are meant, and calls of answers that were cut.

use super::*;

/// A piece that is a message.
fn message(text: &str) -> String {
    format!(r#"{{"choices":[{{"message":{{"content":{text:?}}},"finish_reason":null}}]}}"#)
}

/// A piece with a message beside it.
fn beside(delta: &str, text: &str) -> String {
    format!(
        r#"{{"choices":[{{"delta":{{"role":"assistant","content":{delta:?}}},"message":{{"content":{text:?}}}}}]}}"#
    )
}

/// A message, or a piece, with a part of a call.
fn part(within: &str, name: &str, arguments: &str) -> String {
    format!(
        r#"{{"choices":[{{"{within}":{{"content":null,"tool_calls":[{{"index":0,"function":{{"name":{name:?},"arguments":{arguments:?}}}}}]}}}}]}}"#
    )
}

/// The last piece, that is a message.
fn closing(text: &str) -> String {
    message(text).replace("null", "\"stop\"")
}

fn hello(what: &'static str, pieces: &[&str]) -> Row {
    said(what, events(pieces), "Hello", "stop")
}

fn broke_off(what: &'static str, pieces: &[&str]) -> Row {
    failed(what, events(pieces), "ModelBrokeOff")
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = texts();
    rows.extend(broken_off());
    rows.extend(calls());
    rows.extend(cut_calls());
    rows
}

fn texts() -> Vec<Row> {
    let m = message;
    vec![
        hello("messages as pieces", &[&m("Hel"), &m("lo"), STOP, DONE]),
        hello(
            "messages, each with all so far",
            &[&m("Hel"), &m("Hello"), &m("Hello"), STOP, DONE],
        ),
        hello(
            "messages as pieces, then all of it",
            &[&m("Hel"), &m("lo"), &closing("Hello"), DONE],
        ),
        hello(
            "messages as pieces, then all of it without the blank at its end",
            &[&m("Hello"), &closing(" Hello "), DONE],
        ),
        hello(
            "a message beside each piece, one of which is empty",
            &[
                &beside("Hel", "Hel"),
                &beside("", "Hel"),
                &beside("lo", "Hello"),
                STOP,
                DONE,
            ],
        ),
        hello(
            "other words than those of the pieces",
            &[HELLO, &closing("Hallo"), DONE],
        ),
        said(
            "a body that says no reason",
            r#"{"choices":[{"message":{"content":"Hello"}}]}"#,
            "Hello",
            "",
        ),
    ]
}

/// No message is an end by itself.
fn broken_off() -> Vec<Row> {
    vec![
        broke_off("a message and no more", &[&message("Hel")]),
        broke_off(
            "a message beside an empty piece and no more",
            &[&beside("Hel", "Hel"), &beside("", "Hel")],
        ),
    ]
}

fn calls() -> Vec<Row> {
    const ADD: Calls = &[("add", r#"{"x":1}"#)];
    let end = r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#;
    let call = part("message", "add", r#"{"x":1}"#);
    let both = call.replace("null", r#""Hello""#);
    vec![
        Row {
            what: "words in pieces, the calls in the message that closes them",
            body: events(&[HELLO, &both, end, DONE]),
            expected: Ok(("Hello", ADD, "tool_calls")),
        },
        called(
            "a call in pieces, and once more",
            events(&[&part("delta", "add", r#"{"x":1}"#), &call, end, DONE]),
            ADD,
            "tool_calls",
        ),
        called(
            "a call in messages",
            events(&[
                &part("message", "add", ""),
                &part("message", "", r#"{"x""#),
                &part("message", "", ":1}"),
                end,
                DONE,
            ]),
            ADD,
            "tool_calls",
        ),
    ]
}

/// An answer of one call, of so much of its arguments.
fn cut(what: &'static str, arguments: &str, calls: Calls, reason: &'static str) -> Row {
    let call = part("delta", "add", arguments);
    let end = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{reason}"}}]}}"#);
    called(what, events(&[&call, &end, DONE]), calls, reason)
}

/// What stands before arguments is `transcript::cut`'s, and has the call not made.
fn cut_calls() -> Vec<Row> {
    vec![
        cut(
            "cut before the arguments",
            "",
            &[("add", "[cut by length] ")],
            "length",
        ),
        cut(
            "cut within the arguments",
            r#"{"x""#,
            &[("add", r#"[cut by length] {"x""#)],
            "MAX_TOKENS",
        ),
        cut(
            "filtered within the arguments",
            r#"{"x""#,
            &[("add", r#"[cut by a filter] {"x""#)],
            "content_filter",
        ),
        cut(
            "cut after the call",
            r#"{"x":1}"#,
            &[("add", r#"{"x":1}"#)],
            "length",
        ),
        cut("a call without arguments", "", &[("add", "")], "tool_calls"),
    ]
}
