//! Answers as they stand.

use std::time::{Duration, Instant};

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::common::{HELLO, LONG, alone, begun, is_reset};

#[tokio::test]
async fn status_headers_and_bytes_arrive_as_they_were_given() {
    let at = alone().await;
    let bom =
        "\u{feff}data: {\"choices\":null}\n\n: waiting\n\nerror: {\"code\":400}\n\ndata: [DONE]";
    let stream = json!({ "content-type": "text/event-stream; charset=utf-8", "x-request-id": "7" });
    let answers = json!([
        { "raw": { "headers": stream, "pieces": [bom] } },
        { "raw": { "status": 418, "pieces": [{ "base64": "/wCA" }, "\r\n"] } },
        { "raw": {} },
    ]);
    at.put("/scripts/k", json!({ "answers": answers })).await;
    // Whether a stream was asked for makes no difference.
    let answer = at.ask("script/k", false, HELLO).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    assert_eq!(answer.headers()["x-request-id"], "7");
    assert!(!answer.headers().contains_key("cache-control"));
    assert_eq!(answer.bytes().await.unwrap(), bom);
    let answer = at.ask("script/k", true, HELLO).await;
    assert_eq!(answer.status(), 418);
    assert!(!answer.headers().contains_key("content-type"));
    assert_eq!(
        answer.bytes().await.unwrap(),
        b"\xff\x00\x80\r\n".as_slice()
    );
    let answer = at.ask("script/k", true, HELLO).await;
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.bytes().await.unwrap().len()
        ),
        (200, 0)
    );
    let report = at.get("/scripts/k").await;
    assert_eq!(report["requests"][1]["ended"], "complete");
}

#[tokio::test]
async fn pieces_come_when_they_are_due() {
    let at = alone().await;
    let late = json!({ "text": "b", "delay_ms": 150 });
    let raw = json!({ "pieces": ["a", late, { "hold": true, "delay_ms": 1 }, "c"] });
    at.put("/scripts/k", json!({ "answers": [{ "raw": raw }] }))
        .await;
    let began = Instant::now();
    let mut chunks = at.ask("script/k", true, HELLO).await.bytes_stream();
    let mut next = async || timeout(LONG, chunks.next()).await.unwrap();
    assert_eq!(next().await.unwrap().unwrap(), "a");
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!(next().await.unwrap().unwrap(), "b");
    assert!(began.elapsed() >= Duration::from_millis(150));
    // Nothing else can show that something does not happen.
    assert!(timeout(Duration::from_millis(200), next()).await.is_err());
    at.call(Method::POST, "/scripts/k/release", Value::Null)
        .await;
    assert_eq!(next().await.unwrap().unwrap(), "c");
    assert!(next().await.is_none());
}

#[tokio::test]
async fn it_ends_as_it_is_told_to() {
    let at = alone().await;
    let raw = |end: &str| json!({ "raw": { "pieces": ["ab"], "end": end } });
    let answers = ["cut", "close", "open", "close"].map(raw);
    at.put("/scripts/k", json!({ "answers": answers })).await;
    for reset in [true, false] {
        let answer = at.ask("script/k", true, HELLO).await;
        let mut chunks = answer.bytes_stream();
        assert_eq!(chunks.next().await.unwrap().unwrap(), "ab");
        let error = timeout(LONG, chunks.next()).await.unwrap();
        let error = error.unwrap().unwrap_err();
        assert_eq!(is_reset(&error), reset, "{error:?}");
    }
    let mut chunks = at.ask("script/k", true, HELLO).await.bytes_stream();
    assert_eq!(chunks.next().await.unwrap().unwrap(), "ab");
    // Nothing else can show that something does not happen. A release is no end.
    at.call(Method::POST, "/scripts/k/release", Value::Null)
        .await;
    let waited = timeout(Duration::from_millis(200), chunks.next()).await;
    assert!(waited.is_err(), "{waited:?}");
    // By TCP: all bytes, no last chunk, and an orderly end.
    let body = json!({ "model": "script/k" }).to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {}",
        body.len()
    );
    let said = begun(at.address, &head, body.as_bytes()).await;
    assert!(said.ends_with("2\r\nab\r\n"), "{said}");
    let report = at.get("/scripts/k").await;
    let ended = |n: usize| report["requests"][n]["ended"].clone();
    assert_eq!(
        [0, 1, 2, 3].map(ended),
        [json!("cut"), json!("cut"), Value::Null, json!("cut")]
    );

    // A script that is deleted lets go.
    at.call(Method::DELETE, "/scripts/k", Value::Null).await;
    let ended = timeout(LONG, chunks.next()).await.unwrap();
    assert!(ended.unwrap().is_err());
}

#[tokio::test]
async fn a_client_that_leaves_an_open_answer_is_told_of() {
    let at = alone().await;
    let raw = json!({ "pieces": ["data: 1\n\n"], "end": "open" });
    at.put("/scripts/k", json!({ "answers": [{ "raw": raw }] }))
        .await;
    let mut chunks = at.ask("script/k", true, HELLO).await.bytes_stream();
    chunks.next().await.unwrap().unwrap();
    drop(chunks);
    let report = timeout(LONG, at.get("/scripts/k/wait?left=1"))
        .await
        .unwrap();
    assert_eq!(report["requests"][0]["ended"], "client_gone");
}

#[tokio::test]
async fn what_a_connection_makes_itself_is_refused_with_its_place() {
    let at = alone().await;
    let body =
        |headers: Value| json!({ "answers": [{ "text": "a" }, { "raw": { "headers": headers } }] });
    let headers = json!({ "content-type": "a/b", "Content-Length": "5" });
    let (status, error) = at.call(Method::PUT, "/scripts/k", body(headers)).await;
    assert_eq!(status, 400);
    assert_eq!(
        error["error"]["message"],
        "answer 1 means nothing: raw: the header `Content-Length` is the connection's, which makes it anew: leave it out"
    );
    at.put("/scripts/k", body(json!({ "content-type": "a/b" })))
        .await;
}
