//! Cassettes: recorded from a model, given again, missed loudly.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{Response, StatusCode},
    routing::post,
};
use common::{At, LONG, alone, gateway, listen};
use futures::{StreamExt, stream};
use model_gateway::config::Mode;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

fn event(content: &str) -> String {
    let delta = json!({ "content": content });
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": null });
    format!(
        "data: {}\n\n",
        json!({ "id": "chatcmpl-9", "choices": [choice] })
    )
}

const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\
                    \"completion_tokens\":2,\"total_tokens\":9}}\n\n";

/// A model that echoes the last message, and its own name, in three chunks of which none is an event; whole if it is
/// not to stream.
async fn model(body: Bytes) -> Response<Body> {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let messages = asked["messages"].as_array().unwrap();
    let said = messages.last().unwrap()["content"].as_str().unwrap();
    let name = asked["model"].as_str().unwrap();
    if said == "fail" {
        let mut failed = Response::new(Body::from("{\"error\":{}}"));
        *failed.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        return failed;
    }
    if asked["stream"] != true {
        let message = json!({ "role": "assistant", "content": format!("{name}: {said}") });
        let whole = json!({ "choices": [{ "message": message, "finish_reason": "stop" }] });
        let response = Response::builder().header("content-type", "application/json");
        return response.body(Body::from(whole.to_string())).unwrap();
    }
    let mut text = [event(name), event(": ")].concat();
    // A key that is spelled out has no piece that looks like one.
    text += &said.split('|').map(event).collect::<String>();
    text += STOP;
    text += "data: [DONE]\n\n";
    let (a, b) = (text.len() / 3 + 1, text.len() / 2);
    let chunks = [
        text[..a].to_owned(),
        text[a..b].to_owned(),
        text[b..].to_owned(),
    ];
    let broken = said == "break";
    let chunks = chunks.into_iter().take(if broken { 2 } else { 3 });
    let chunks = chunks.map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk)));
    let end = broken.then(|| Err(std::io::Error::other("cut")));
    let chunks = stream::iter(chunks)
        .chain(stream::iter(end))
        .then(|chunk| async {
            tokio::task::yield_now().await;
            chunk
        });
    let response = Response::builder().header("content-type", "text/event-stream; charset=utf-8");
    response.body(Body::from_stream(chunks)).unwrap()
}

async fn before_model(mode: Mode) -> At {
    let at = listen(Router::new().route("/v1/chat/completions", post(model))).await;
    gateway(Some(format!("http://{at}/v1")), mode, None).await
}

async fn said(at: &At, model: &str, stream: bool, said: &str) -> String {
    let messages = [("system", "Be short."), ("user", said)];
    let answer = at.ask(model, stream, &messages).await;
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

async fn file(at: &At, name: &str) -> String {
    let answer = at
        .client
        .get(format!("http://{}/cassettes/{name}", at.address));
    answer.send().await.unwrap().text().await.unwrap()
}

async fn load(at: &At, path: &str, file: &str) -> Value {
    at.put(path, serde_json::from_str(file).unwrap()).await
}

#[tokio::test]
async fn what_was_recorded_is_given_again_as_it_came() {
    let at = before_model(Mode::Record).await;
    at.put("/cassettes/c", json!({ "upstream": "embedded" }))
        .await;
    let streamed = said(&at, "replay/c/org/small:8b", true, "Hello").await;
    assert!(
        streamed.contains("org/small:8b") && streamed.ends_with("[DONE]\n\n"),
        "{streamed}"
    );
    let whole = said(&at, "replay/c/org/small:8b", false, "Hello").await;
    let file = file(&at, "c").await;
    let cassette: Value = serde_json::from_str(&file).unwrap();
    assert_eq!(cassette["format"], 1);
    assert_eq!(cassette["model"], "org/small:8b");
    assert_eq!(cassette["upstream"], "embedded");
    assert_eq!(
        cassette["recorded"],
        chrono::Utc::now().date_naive().to_string()
    );
    let entry = &cassette["entries"][0];
    assert_eq!(entry["said"]["text"], "org/small:8b: Hello");
    assert_eq!(entry["said"]["finish_reason"], "stop");
    assert_eq!(entry["request"]["messages"][1]["content"], "Hello");
    assert_eq!(
        entry["chunks"].as_array().unwrap().len(),
        5,
        "not by events: {entry}"
    );
    assert_eq!(
        cassette["entries"][1]["said"]["text"],
        "org/small:8b: Hello"
    );
    assert!(
        file.starts_with("{\n  \"format\": 1,\n") && file.ends_with("}\n"),
        "{file}"
    );
    let report = at.get("/cassettes/c/report").await;
    assert_eq!(
        (&report["entries"], &report["refused"]),
        (&json!(2), &json!([]))
    );

    let at = alone().await;
    let report = load(&at, "/cassettes/mine", &file).await;
    assert_eq!(report["unused"].as_array().unwrap().len(), 2);
    let again = at
        .ask(
            "replay/mine/org/small:8b",
            true,
            &[("system", "Be short."), ("user", "Hello")],
        )
        .await;
    assert_eq!(
        again.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    assert_eq!(again.text().await.unwrap(), streamed);
    assert_eq!(
        said(&at, "replay/mine/org/small:8b", false, "Hello").await,
        whole
    );
    let report = at.get("/cassettes/mine/report").await;
    assert_eq!(
        (&report["unused"], &report["misses"]),
        (&json!([]), &json!([]))
    );
    // What is loaded is what is told: the same bytes.
    assert_eq!(self::file(&at, "mine").await, file);
}

#[tokio::test]
async fn a_miss_is_no_servers_error_and_shows_the_nearest() {
    let at = before_model(Mode::Record).await;
    for word in ["My name is Ada. Greet me.", "Something else"] {
        said(&at, "replay/c/m", true, word).await;
    }
    let file = file(&at, "c").await;
    let at = alone().await;
    load(&at, "/cassettes/greeting-01jd2x3y4z5a6b7c8d9e0f1g2h", &file).await;
    let messages = [
        ("system", "Be short."),
        ("user", "My name is Bob. Greet me."),
    ];
    let missed = at
        .ask(
            "replay/greeting-01jd2x3y4z5a6b7c8d9e0f1g2h/m",
            true,
            &messages,
        )
        .await;
    assert_eq!(missed.status(), 422);
    let body = missed.text().await.unwrap();
    let error: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(error["error"]["type"], "cassette_miss");
    let message = error["error"]["message"].as_str().unwrap();
    let near = serde_json::from_str::<Value>(&file).unwrap()["entries"][0]["key"].clone();
    // Runners cut errors: the first 300 characters of the body have it all.
    let words = [
        "greeting-",
        near.as_str().unwrap(),
        "Ada",
        "Bob",
        "cargo xtask e2e phase2 --model record",
    ];
    for word in words {
        assert!(body[..300].contains(word), "{word}: {body}");
    }
    assert!(
        message.contains("\n-      \"content\": \"My name is Ada."),
        "{message}"
    );
    assert!(
        message.contains("\n+      \"content\": \"My name is Bob."),
        "{message}"
    );
    let report = at
        .get("/cassettes/greeting-01jd2x3y4z5a6b7c8d9e0f1g2h/report")
        .await;
    assert_eq!(report["misses"][0]["message"], message);
    assert_eq!(report["misses"][0]["nearest"], near);
    assert_eq!(report["unused"].as_array().unwrap().len(), 2);
    assert_eq!(report["unused"][1]["said"]["text"], "m: Something else");

    let unknown = at.ask("replay/nobody/m", true, &messages).await;
    assert_eq!(unknown.status(), 422);
    assert!(
        unknown
            .text()
            .await
            .unwrap()
            .contains("`nobody` is not loaded")
    );
}

#[tokio::test]
async fn the_same_question_gets_its_answers_in_order_and_then_none() {
    let at = before_model(Mode::Record).await;
    said(&at, "replay/c/m", true, "Hello").await;
    said(&at, "replay/c/m", true, "Hello").await;
    let mut file: Value = serde_json::from_str(&file(&at, "c").await).unwrap();
    for (entry, word) in [(0, "first"), (1, "second")] {
        file["entries"][entry]["chunks"] = json!([{ "ms": 0, "text": word }]);
    }
    let at = alone().await;
    load(&at, "/cassettes/c", &file.to_string()).await;
    assert_eq!(said(&at, "replay/c/m", true, "Hello").await, "first");
    assert_eq!(said(&at, "replay/c/m", true, "Hello").await, "second");
    let missed = at
        .ask(
            "replay/c/m",
            true,
            &[("system", "Be short."), ("user", "Hello")],
        )
        .await;
    assert_eq!(missed.status(), 422);
    assert!(
        missed
            .text()
            .await
            .unwrap()
            .contains("its 2 for this request are used")
    );
}

#[tokio::test]
async fn chunks_keep_their_times_where_that_is_wanted() {
    let at = before_model(Mode::Record).await;
    said(&at, "replay/c/m", true, "Hello").await;
    let mut file: Value = serde_json::from_str(&file(&at, "c").await).unwrap();
    file["entries"][0]["chunks"] = json!([{ "ms": 0, "text": "a" }, { "ms": 250, "text": "b" }]);
    let at = alone().await;
    load(&at, "/cassettes/quick", &file.to_string()).await;
    load(&at, "/cassettes/timed?timed=true", &file.to_string()).await;
    let mut took = Vec::new();
    for name in ["quick", "timed"] {
        let began = Instant::now();
        assert_eq!(
            said(&at, &format!("replay/{name}/m"), true, "Hello").await,
            "ab"
        );
        took.push(began.elapsed());
    }
    assert!(
        took[1] >= Duration::from_millis(250) && took[0] < took[1],
        "{took:?}"
    );
}

#[tokio::test]
async fn no_key_is_recorded() {
    let at = before_model(Mode::Record).await;
    let asked = "my-very-secret-key and sk-0123456789abcdef";
    let heard = said(&at, "replay/c/m", true, asked).await;
    assert!(
        heard.contains("my-very-secret-key"),
        "the client's own answer is changed: {heard}"
    );
    let recorded = file(&at, "c").await;
    for secret in ["secret-key", "sk-0123"] {
        assert!(!recorded.contains(secret), "{recorded}");
    }
    assert!(recorded.contains("[REDACTED] and [REDACTED]"), "{recorded}");
    // Spelled out piece by piece, it is in no piece: such an answer is not kept at all.
    said(&at, "replay/c/m", true, "my-very|-secret-key").await;
    let recorded: Value = serde_json::from_str(&file(&at, "c").await).unwrap();
    assert_eq!(recorded["entries"].as_array().unwrap().len(), 1);
    let report = at.get("/cassettes/c/report").await;
    assert!(
        report["refused"][0]
            .as_str()
            .unwrap()
            .contains("spells out a key"),
        "{report}"
    );

    // It is found again with another key, and with none.
    let at = alone().await;
    load(&at, "/cassettes/c", &recorded.to_string()).await;
    let body = json!({ "model": "replay/c/m", "stream": true, "messages": [
        { "role": "system", "content": "Be short." },
        { "role": "user", "content": "[REDACTED] and sk-another-key-of-mine" },
    ]});
    let answer = at
        .client
        .post(format!("http://{}/v1/chat/completions", at.address))
        .json(&body);
    assert_eq!(answer.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_is_not_whole_is_not_recorded() {
    let at = before_model(Mode::Record).await;
    let failed = at.ask("replay/c/m", true, &[("user", "fail")]).await;
    assert_eq!(failed.status(), 503);
    failed.text().await.unwrap();
    let broken = at.ask("replay/c/m", true, &[("user", "break")]).await;
    assert!(broken.text().await.is_err());
    said(&at, "replay/c/m", true, "Hello").await;
    let report = at.get("/cassettes/c/report").await;
    let refused: Vec<_> = report["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    assert!(
        refused[0].contains("request 1: the model answered 503"),
        "{refused:?}"
    );
    assert!(
        refused[1].contains("request 2: the model broke off"),
        "{refused:?}"
    );
    assert_eq!(report["entries"], 1);
}

#[tokio::test]
async fn a_client_that_leaves_at_the_mark_of_the_end_has_all() {
    // A model that never closes: what is kept must not wait for it.
    let open = async || {
        let events = [event("Hi"), STOP.to_owned(), "data: [DONE]\n\n".to_owned()];
        let events = stream::iter(events.map(Ok::<_, Infallible>));
        let response = Response::builder().header("content-type", "text/event-stream");
        response
            .body(Body::from_stream(events.chain(stream::pending())))
            .unwrap()
    };
    let upstream = listen(Router::new().route("/v1/chat/completions", post(open))).await;
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("lines");
    let upstream = Some(format!("http://{upstream}/v1"));
    let at = gateway(upstream, Mode::Record, Some(&lines)).await;
    let mut chunks = at
        .ask("replay/c/m", true, &[("user", "Hello")])
        .await
        .bytes_stream();
    let mut seen = Vec::new();
    while !seen.ends_with(b"[DONE]\n\n") {
        seen.extend(
            timeout(LONG, chunks.next())
                .await
                .unwrap()
                .unwrap()
                .unwrap(),
        );
    }
    assert_eq!(at.get("/cassettes/c/report").await["entries"], 1);
    drop(chunks);
    // Nobody tells when a line is written; it is as soon as the gateway sees that the client is gone.
    let line = timeout(LONG, async {
        loop {
            let text = std::fs::read_to_string(&lines).unwrap();
            if let Some(line) = text.lines().next() {
                return serde_json::from_str::<Value>(line).unwrap();
            }
            tokio::task::yield_now().await;
        }
    });
    let line = line.await.unwrap();
    assert_eq!(line["outcome"], "complete", "{line}");
    assert_eq!(line["cassette"], "c");
    assert_eq!(line["lane"], "live");
    assert_eq!(
        line["tokens"],
        json!({ "prompt": 7, "completion": 2, "total": 9 })
    );
}

#[tokio::test]
async fn live_passes_on_and_records_nothing() {
    let at = before_model(Mode::Live).await;
    let heard = said(&at, "replay/c/org/m", true, "Hello").await;
    assert!(heard.contains("org/m"), "{heard}");
    let (status, _) = at.call(Method::GET, "/cassettes/c", Value::Null).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn cassettes_that_are_none_are_refused() {
    let at = before_model(Mode::Record).await;
    said(&at, "replay/c/m", true, "Hello").await;
    let file: Value = serde_json::from_str(&file(&at, "c").await).unwrap();
    let with = |place: &str, value: Value| {
        let mut file = file.clone();
        *file.pointer_mut(place).unwrap() = value;
        file
    };
    let at = alone().await;
    at.put("/cassettes/there", file.clone()).await;
    for (name, body, status, why) in [
        ("there", file.clone(), 409, "already"),
        ("x", json!({ "format": 1 }), 400, "no cassette"),
        ("x", with("/format", json!(2)), 400, "format 2"),
        (
            "x",
            with("/entries/0/request/messages/1/content", json!("Hullo")),
            400,
            "entry 0",
        ),
        ("a%20b", file.clone(), 400, "no name"),
    ] {
        let (said, error) = at
            .call(Method::PUT, &format!("/cassettes/{name}"), body)
            .await;
        assert_eq!(said, status, "{error}");
        assert!(
            error["error"]["message"].as_str().unwrap().contains(why),
            "{error}"
        );
    }
    let (status, _) = at
        .call(Method::DELETE, "/cassettes/there", Value::Null)
        .await;
    assert_eq!(status, 204);
}

#[tokio::test]
async fn recording_needs_a_model() {
    let told = common::told(None, Mode::Record, None);
    let why = model_gateway::chat::Gateway::new(&told).unwrap_err();
    assert!(why.to_string().contains("GATEWAY_UPSTREAM"), "{why}");
}
