//! The tools as a client is told of them.

use rmcp::model::{JsonObject, Tool};
use serde_json::{Value, json};

/// Name, what it does, properties, which of them it needs.
type Row = (&'static str, &'static str, Value, &'static [&'static str]);

/// All tools.
pub(crate) fn all() -> Vec<Tool> {
    rows().into_iter().map(tool).collect()
}

fn rows() -> [Row; 13] {
    let text = || json!({"type": "string"});
    let number = || json!({"type": "number"});
    let none = || json!({});
    let run = || json!({"type": "string", "description": "keeps notes of different tests apart"});
    [
        (
            "add",
            "Adds two numbers.",
            json!({"a": number(), "b": number()}),
            &["a", "b"],
        ),
        (
            "echo",
            "Repeats a text.",
            json!({"text": text()}),
            &["text"],
        ),
        (
            "env",
            "Shows a variable of the server's environment; without a name, all names.",
            json!({"name": text()}),
            &[],
        ),
        (
            "headers",
            "Shows the headers of this request; over HTTP only.",
            none(),
            &[],
        ),
        (
            "fail",
            "Fails with a message.",
            json!({"message": text()}),
            &["message"],
        ),
        (
            "slow",
            "Waits so many milliseconds, unless the call is cancelled, and reports progress in steps of some.",
            json!({"ms": number(), "step": number()}),
            &["ms"],
        ),
        (
            "slow_calls",
            "Counts the calls of slow that began, that ended and that were cancelled.",
            none(),
            &[],
        ),
        (
            "big",
            "Answers with so many bytes.",
            json!({"bytes": number()}),
            &["bytes"],
        ),
        (
            "crash",
            "Ends the server's process with status 3, after a message on stderr.",
            json!({"message": text()}),
            &[],
        ),
        (
            "note",
            "Notes a text, once for each idempotency key, and answers so many milliseconds later; at once where it was noted already.",
            json!({"text": text(), "run": run(), "ms": number()}),
            &["text"],
        ),
        ("notes", "Lists what was noted.", json!({"run": run()}), &[]),
        ("pid", "Shows the server's process id.", none(), &[]),
        ("cwd", "Shows the server's working directory.", none(), &[]),
    ]
}

fn tool((name, does, properties, required): Row) -> Tool {
    let mut schema = JsonObject::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), properties);
    schema.insert("required".to_owned(), json!(required));
    Tool::new(name, does, schema)
}
