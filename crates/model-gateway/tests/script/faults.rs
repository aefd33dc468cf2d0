//! Answers that go wrong.

use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::common::{HELLO, LONG, alone, events, is_reset, text};

#[tokio::test]
async fn faults_of_an_answer() {
    let at = alone().await;
    let answers = json!([
        { "status": 429, "headers": { "retry-after": "1" }, "body": "slow down" },
        { "status": 503 },
        { "pieces": ["one", "two", "three"], "cut_after_pieces": 2 },
        { "text": "whole", "cut_after_pieces": 0 },
        { "tools": [{ "name": "add", "arguments": { "a": 1 } }], "cut_after_pieces": 2 },
        { "pieces": ["one", "two"], "garbage": true },
        { "text": "late", "delay_ms": 150 },
    ]);
    at.put("/scripts/k", json!({ "answers": answers })).await;
    let answer = at.ask("script/k", true, HELLO).await;
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert!(
        answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    assert_eq!(answer.text().await.unwrap(), "slow down");
    let answer = at.ask("script/k", true, HELLO).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(
        answer.json::<Value>().await.unwrap()["error"]["type"],
        "fault"
    );

    for (words, no) in [
        ("two", "three"),
        ("assistant", "whole"),
        ("arguments\":\"{", "}\"}}]}"),
    ] {
        let mut chunks = at.ask("script/k", true, HELLO).await.bytes_stream();
        let mut seen = String::new();
        let error = loop {
            match timeout(LONG, chunks.next()).await.unwrap().unwrap() {
                Ok(chunk) => seen.push_str(std::str::from_utf8(&chunk).unwrap()),
                Err(error) => break error,
            }
        };
        assert!(is_reset(&error), "{error:?}");
        assert!(
            seen.contains(words) && !seen.contains(no) && seen.ends_with("\n\n"),
            "{seen}"
        );
    }

    let events = events(at.ask("script/k", true, HELLO).await).await;
    assert_eq!(text(&events), "onetwo");
    assert!(events[2].get("garbage").is_some(), "{events:?}");

    let before = Instant::now();
    at.ask("script/k", true, HELLO).await;
    assert!(before.elapsed() >= Duration::from_millis(150));
    let report = at.get("/scripts/k").await;
    assert_eq!(report["requests"][2]["ended"], "cut");
}

#[tokio::test]
async fn answers_that_are_no_stream_break_too() {
    let at = alone().await;
    let answers =
        json!([{ "text": "abc", "garbage": true }, { "text": "abc", "cut_after_pieces": 1 }]);
    at.put("/scripts/k", json!({ "answers": answers })).await;
    let answer = at.ask("script/k", false, HELLO).await;
    let text = answer.text().await.unwrap();
    assert!(
        text.starts_with('{') && serde_json::from_str::<Value>(&text).is_err(),
        "{text}"
    );
    let answer = at.ask("script/k", false, HELLO).await;
    assert!(is_reset(&answer.text().await.unwrap_err()));
}
