//! What models really send: each passes unchanged, and what can be recorded is given again as it came.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::time::Duration;

use common::{At, LONG, alone, gateway};
use futures::StreamExt;
use model_gateway::config::Mode;
use serde_json::{Value, json};
use tokio::time::timeout;

const STREAM: &str = "text/event-stream";
const JSON: &str = "application/json";

/// What becomes of an answer in a cassette.
enum Kept {
    /// It is kept; so is said there.
    As(&'static str),
    /// It is not, for this reason.
    Not(&'static str),
}
use Kept::{As, Not};

fn events(data: &[&str]) -> String {
    data.iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect()
}

fn says(delta: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#)
}

const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const HALF: &str = r#"{"choices":[{"index":0,"delta":{"content":"Half of"},"finish_reason":""}]}"#;

/// (name, status, content type, pieces, end, what is kept)
#[allow(clippy::type_complexity, reason = "a table")]
fn cases() -> Vec<(
    &'static str,
    u16,
    &'static str,
    Vec<Value>,
    &'static str,
    Kept,
)> {
    let hi = says(r#"{"content":"Hi"}"#);
    let call = |name: &str| {
        says(&format!(
            r#"{{"tool_calls":[{{"index":0,"id":"","type":"function","function":{{"name":"{name}","arguments":"{{}}"}}}}]}}"#
        ))
    };
    let whole = |data: &[&str]| vec![json!(events(data))];
    let comments = vec![
        json!(": waiting\n\n"),
        json!({ "text": ": waiting\n\n", "delay_ms": 5 }),
        json!({ "text": events(&[&hi, STOP, "[DONE]"]), "delay_ms": 5 }),
    ];
    vec![
        (
            "ok",
            200,
            STREAM,
            whole(&[&hi, STOP, "[DONE]"]),
            "complete",
            As("Hi"),
        ),
        (
            "bom",
            200,
            STREAM,
            vec![json!(format!("\u{feff}{}", events(&[&hi, STOP, "[DONE]"])))],
            "complete",
            As("Hi"),
        ),
        ("comments", 200, STREAM, comments, "complete", As("Hi")),
        (
            "crlf",
            200,
            STREAM,
            vec![json!(events(&[&hi, STOP, "[DONE]"]).replace('\n', "\r\n"))],
            "complete",
            As("Hi"),
        ),
        (
            "calls-one-index",
            200,
            STREAM,
            whole(&[&call("good"), &call("bad"), STOP, "[DONE]"]),
            "complete",
            As("good, bad"),
        ),
        (
            "odd-name",
            200,
            STREAM,
            whole(&[&call("good<|channel|>json"), STOP, "[DONE]"]),
            "complete",
            As("good<|channel|>json"),
        ),
        (
            "list-content",
            200,
            STREAM,
            whole(&[
                &says(
                    r#"{"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"Hi"}]}"#,
                ),
                STOP,
            ]),
            "complete",
            As("Hi"),
        ),
        (
            "null-choices",
            200,
            STREAM,
            whole(&[
                &hi,
                STOP,
                r#"{"choices":null,"usage":{"total_tokens":3}}"#,
                "[DONE]",
            ]),
            "complete",
            As("Hi"),
        ),
        (
            "null-delta",
            200,
            STREAM,
            whole(&[
                &hi,
                r#"{"choices":[{"index":0,"delta":null,"finish_reason":"stop"}]}"#,
            ]),
            "complete",
            As("Hi"),
        ),
        (
            "reasoning-only",
            200,
            STREAM,
            whole(&[
                &says(r#"{"reasoning_content":"Hm"}"#),
                r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#,
                "[DONE]",
            ]),
            "complete",
            As(""),
        ),
        (
            "empty-finish-good",
            200,
            STREAM,
            whole(&[HALF, STOP, "[DONE]"]),
            "complete",
            As("Half of"),
        ),
        (
            "empty-finish",
            200,
            STREAM,
            whole(&[HALF]),
            "complete",
            Not("has no end"),
        ),
        (
            "error-in-stream",
            200,
            STREAM,
            whole(&[r#"{"error":{"code":400},"choices":[]}"#]),
            "complete",
            Not("has no end"),
        ),
        (
            "error-field",
            200,
            STREAM,
            vec![json!("error: {\"code\":400}\n\ndata: [DONE]\n\n")],
            "complete",
            As(""),
        ),
        (
            "json-error",
            200,
            JSON,
            vec![json!(r#"{"error":{"code":401}}"#)],
            "complete",
            As(""),
        ),
        (
            "json-whole",
            200,
            JSON,
            vec![json!(
                r#"{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}"#
            )],
            "complete",
            As("Hi"),
        ),
        (
            "no-type",
            200,
            "",
            whole(&[&hi, STOP, "[DONE]"]),
            "complete",
            As(""),
        ),
        (
            "max-tokens",
            400,
            JSON,
            vec![json!(r#"{"error":{"code":"unsupported_parameter"}}"#)],
            "complete",
            Not("answered 400"),
        ),
        (
            "no-utf-8",
            200,
            STREAM,
            vec![
                json!({ "base64": "ZGF0YTog/w==" }),
                json!("\n\ndata: [DONE]\n\n"),
            ],
            "complete",
            Not("not UTF-8"),
        ),
        (
            "closed-early",
            200,
            STREAM,
            whole(&[&hi]),
            "close",
            Not("broke off"),
        ),
        (
            "cut",
            200,
            STREAM,
            whole(&[&hi, STOP]),
            "cut",
            Not("broke off"),
        ),
        (
            "hang-after-stop",
            200,
            STREAM,
            whole(&[&hi, STOP]),
            "open",
            As("Hi"),
        ),
        (
            "hang-before",
            200,
            STREAM,
            whole(&[&hi]),
            "open",
            Not("left before"),
        ),
    ]
}

/// What a client gets until there is no more, and whether that was an end. Of an answer without an end it takes
/// `expected` bytes and leaves.
async fn heard(
    at: &At,
    model: &str,
    expected: usize,
    open: bool,
) -> (u16, Option<String>, Vec<u8>, bool) {
    let answer = at.ask(model, true, &[("user", "Hello")]).await;
    let status = answer.status().as_u16();
    let kind = answer.headers().get("content-type");
    let kind = kind.map(|kind| kind.to_str().unwrap().to_owned());
    let mut chunks = answer.bytes_stream();
    let mut bytes = Vec::new();
    loop {
        if open && bytes.len() >= expected {
            return (status, kind, bytes, false);
        }
        match timeout(LONG, chunks.next()).await.unwrap() {
            Some(Ok(chunk)) => bytes.extend(chunk),
            Some(Err(_)) => return (status, kind, bytes, false),
            None => return (status, kind, bytes, true),
        }
    }
}

/// The report of a cassette once it has one more entry or refusal; a client that leaves is noticed a moment later.
async fn settled(at: &At) -> Value {
    let settled = async {
        loop {
            let report = at.get("/cassettes/c/report").await;
            let refused = report["refused"].as_array().unwrap().len();
            if report["entries"] == json!(1) || refused == 1 {
                return report;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(LONG, settled).await.unwrap()
}

#[tokio::test]
async fn every_dialect_passes_unchanged_and_is_kept_or_refused_with_a_reason() {
    // The upstream is a gateway too: it can say anything.
    let upstream = alone().await;
    let base = Some(format!("http://{}/v1", upstream.address));
    let live = gateway(base.clone(), Mode::Live, None).await;
    let replays = alone().await;
    for (name, status, kind, pieces, end, kept) in cases() {
        let mut raw = json!({ "status": status, "pieces": pieces, "end": end });
        if !kind.is_empty() {
            raw["headers"] = json!({ "content-type": kind });
        }
        let answers = json!([{ "raw": raw }, { "raw": raw }, { "raw": raw }]);
        let path = format!("/scripts/{name}");
        upstream.put(&path, json!({ "answers": answers })).await;
        let model = format!("script/{name}");
        let through = format!("replay/c/{model}");
        let length = pieces.iter().map(|piece| match piece["base64"].as_str() {
            Some(_) => 7,
            None => piece.as_str().or(piece["text"].as_str()).unwrap().len(),
        });
        let length = length.sum();
        let open = end == "open";
        let said = heard(&upstream, &model, length, open).await;
        assert_eq!((said.0, said.2.len()), (status, length), "{name}");
        assert_eq!(heard(&live, &through, length, open).await, said, "{name}");

        let records = gateway(base.clone(), Mode::Record, None).await;
        let recorded = heard(&records, &through, length, open).await;
        assert_eq!(recorded, said, "{name}");
        let report = settled(&records).await;
        let file: Value = records.get("/cassettes/c").await;
        match kept {
            Not(why) => {
                let refused = report["refused"].to_string();
                assert!(refused.contains(why), "{name}: {report}");
                assert_eq!(file["entries"], json!([]), "{name}");
            }
            As(words) => {
                let said_there = &file["entries"][0]["said"];
                let calls = said_there["tools"].as_array().into_iter().flatten();
                let calls: Vec<_> = calls.map(|call| call["name"].as_str().unwrap()).collect();
                let text = said_there["text"].as_str().unwrap().to_owned() + &calls.join(", ");
                assert_eq!(text, words, "{name}: {file}");
                let path = format!("/cassettes/{name}");
                replays.put(&path, file).await;
                let again = heard(&replays, &format!("replay/{name}/{model}"), length, open).await;
                assert_eq!((again.0, &again.2), (said.0, &said.2), "{name}");
            }
        }
    }
}
