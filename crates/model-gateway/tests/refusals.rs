//! What the routes for tests refuse, and what they take from an editor.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{HELLO, alone};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn whatever_is_refused_is_an_error_as_openai_writes_it() {
    let at = alone().await;
    at.put("/scripts/k", json!({})).await;
    for (method, path, status) in [
        (Method::PUT, "/cassettes/c?timed=maybe", 400),
        (Method::PUT, "/cassettes/c?slow=1", 400),
        (Method::GET, "/scripts/k/wait?requests=-1", 400),
        (Method::GET, "/scripts/k/wait?requests=1&requests=2", 400),
        (Method::GET, "/scripts/%ff", 400),
        (Method::PUT, "/scripts/%ff", 400),
        (Method::DELETE, "/faults/%ff", 400),
        (Method::GET, "/cassettes/%ff/report", 400),
        (Method::PATCH, "/scripts/k", 405),
        (Method::GET, "/v1/chat/completions", 405),
        (Method::GET, "/nowhere", 404),
    ] {
        let what = format!("{method} {path}");
        let (code, said) = at.call(method, path, json!({})).await;
        assert_eq!(code, status, "{what}: {said}");
        assert_eq!(said["error"]["type"], "invalid_request_error", "{what}");
        let message = said["error"]["message"].as_str().unwrap();
        assert!(!message.is_empty(), "{what}: {said}");
    }
}

#[tokio::test]
async fn what_nth_takes_is_said() {
    let at = alone().await;
    for nth in [
        json!("all"),
        json!(-1),
        json!(1.5),
        json!(null),
        json!({}),
        json!(["1"]),
    ] {
        let rule = json!({ "model": "m", "nth": nth, "fault": { "status": 500 } });
        let (code, said) = at.call(Method::PUT, "/faults/f", rule).await;
        let message = said["error"]["message"].as_str().unwrap();
        assert_eq!(code, 400, "{nth}: {said}");
        let takes = "`nth` takes a number, numbers, or \"every\"";
        assert!(message.contains(takes), "{nth}: {message}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_before_the_json_is_the_editors() {
    let at = alone().await;
    let cassette = json!({ "format": 1, "model": "m", "recorded": "2026-01-01", "upstream": "ollama", "entries": [] });
    for (path, body) in [
        ("/scripts/k", json!({ "answers": [{ "text": "hello" }] })),
        (
            "/faults/f",
            json!({ "model": "x", "nth": 1, "fault": { "status": 500 } }),
        ),
        ("/cassettes/c", cassette),
    ] {
        let url = format!("http://{}{path}", at.address);
        let request = at.client.put(url).body(format!("\u{feff}{body}"));
        let answer = request.send().await.unwrap();
        assert_eq!(
            answer.status(),
            201,
            "{path}: {}",
            answer.text().await.unwrap()
        );
    }
    let said = at.ask("script/k", false, HELLO).await.text().await.unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["choices"][0]["message"]["content"], "hello");
}
