//! Answers that wait for the test, and tests that wait for requests.

use std::time::Duration;

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::common::{HELLO, LONG, alone, is_reset};

#[tokio::test]
async fn a_hold_waits_for_its_release() {
    let at = alone().await;
    let pieces = json!(["a", { "hold": true }, "b", { "hold": true }, "c"]);
    at.put("/scripts/k", json!({ "answers": [{ "pieces": pieces }] }))
        .await;
    let mut chunks = at.ask("script/k", true, HELLO).await.bytes_stream();
    let mut seen = String::new();
    let mut until = async |wanted: &str| {
        while !seen.contains(wanted) {
            let chunk = timeout(LONG, chunks.next())
                .await
                .unwrap()
                .unwrap()
                .unwrap();
            seen.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        seen.clone()
    };
    let seen = until("\"a\"").await;
    assert!(!seen.contains("\"b\""), "{seen}");
    let release = async || {
        at.call(Method::POST, "/scripts/k/release", Value::Null)
            .await
    };
    release().await;
    let seen = until("\"b\"").await;
    assert!(!seen.contains("\"c\""), "{seen}");
    // A release opens one hold. Nothing else can show that something does not happen.
    let short = Duration::from_millis(200);
    assert!(timeout(short, until("\"c\"")).await.is_err());
    release().await;
    until("[DONE]").await;

    // A hold that is opened before it is reached does not stop.
    let again = json!({ "answers": [{ "pieces": ["a", { "hold": true }] }] });
    at.call(Method::POST, "/scripts/k/answers", again).await;
    release().await;
    let whole = timeout(LONG, at.ask("script/k", false, HELLO))
        .await
        .unwrap();
    assert_eq!(whole.status(), 200);
}

#[tokio::test]
async fn a_hold_that_is_not_released_holds() {
    let at = alone().await;
    at.put(
        "/scripts/k",
        json!({ "answers": [{ "pieces": ["a", { "hold": true }, "b"] }] }),
    )
    .await;
    let mut chunks = at.ask("script/k", true, HELLO).await.bytes_stream();
    let mut rest = async || {
        loop {
            match chunks.next().await {
                Some(Ok(_)) => {}
                ended => return ended,
            }
        }
    };
    // Nothing else can show that something does not happen.
    assert!(timeout(Duration::from_millis(200), rest()).await.is_err());
    // A script that is deleted lets go, and not as if the answer were whole.
    let (status, _) = at.call(Method::DELETE, "/scripts/k", Value::Null).await;
    assert_eq!(status, 204);
    let ended = timeout(LONG, rest()).await.unwrap();
    assert!(
        matches!(&ended, Some(Err(error)) if is_reset(error)),
        "{ended:?}"
    );
    let (status, _) = at.call(Method::GET, "/scripts/k", Value::Null).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn an_answer_in_one_piece_waits_for_its_holds_too() {
    let at = alone().await;
    let held = json!({ "answers": [{ "pieces": ["a", { "hold": true }, "b"] }] });
    at.put("/scripts/k", held).await;
    let letting_go = async {
        at.get("/scripts/k/wait?requests=1").await;
        at.call(Method::DELETE, "/scripts/k", Value::Null).await
    };
    let both = async { tokio::join!(at.ask("script/k", false, HELLO), letting_go) };
    let (answer, _) = timeout(LONG, both).await.unwrap();
    // Had it not waited, it would be whole.
    assert_eq!(answer.status(), 422);
    assert!(answer.text().await.unwrap().contains("while it held"));
}

#[tokio::test]
async fn tests_wait_for_requests_and_for_clients_that_leave() {
    let at = alone().await;
    let answers = json!([{ "pieces": ["a", { "hold": true }, "b"] }, { "never": true }]);
    at.put("/scripts/k", json!({ "answers": answers })).await;
    let waiting = at.get("/scripts/k/wait?requests=1");
    let asking = at.ask("script/k", true, HELLO);
    let (report, answer) = timeout(LONG, async { tokio::join!(waiting, asking) })
        .await
        .unwrap();
    assert_eq!(report["requests"].as_array().unwrap().len(), 1);
    assert_eq!(report["requests"][0]["ended"], Value::Null);

    let (status, report) = at
        .call(
            Method::GET,
            "/scripts/k/wait?requests=2&seconds=0",
            Value::Null,
        )
        .await;
    assert_eq!(status, 504);
    assert_eq!(report["requests"].as_array().unwrap().len(), 1);

    drop(answer);
    let report = timeout(LONG, at.get("/scripts/k/wait?left=1"))
        .await
        .unwrap();
    assert_eq!(report["requests"][0]["ended"], "client_gone");

    let never = at.ask("script/k", true, HELLO);
    let seen = at.get("/scripts/k/wait?requests=2");
    // The answer that never comes is dropped once it was asked for.
    tokio::select! {
        _ = never => panic!("it was answered"),
        seen = timeout(LONG, seen) => drop(seen.unwrap()),
    }
    let report = timeout(LONG, at.get("/scripts/k/wait?left=2"))
        .await
        .unwrap();
    assert_eq!(report["requests"][1]["ended"], "client_gone");
}
