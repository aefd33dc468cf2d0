//! What is kept of an exchange, and what is not.

use std::convert::Infallible;

use axum::{Router, body::Body, http::Response, routing::post};
use futures::{StreamExt, stream};
use model_gateway::config::Mode;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::common::{
    self, LONG, alone,
    echo::{STOP, before_model, event, file, load, said},
    gateway, lines, listen,
};

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
    let exchanges = folder.path().join("exchanges");
    let upstream = Some(format!("http://{upstream}/v1"));
    let at = gateway(upstream, Mode::Record, Some(&exchanges)).await;
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
    let line = lines(&exchanges, 1).await.remove(0);
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
async fn recording_needs_a_model() {
    let told = common::told(None, Mode::Record, None);
    let why = model_gateway::gateway::Gateway::new(&told).unwrap_err();
    assert!(why.to_string().contains("GATEWAY_UPSTREAM"), "{why}");
}

/// A gateway that says what its script has, and one that records it.
pub(crate) async fn recording(raw: &[Value]) -> (common::At, common::At) {
    let upstream = alone().await;
    let answers: Vec<Value> = raw.iter().map(|raw| json!({ "raw": raw })).collect();
    upstream
        .put("/scripts/k", json!({ "answers": answers }))
        .await;
    let base = Some(format!("http://{}/v1", upstream.address));
    let records = gateway(base, Mode::Record, None).await;
    (upstream, records)
}

#[tokio::test]
async fn a_recording_passes_piece_by_piece_and_ends_with_its_client() {
    let headers = json!({ "content-type": "text/event-stream" });
    let pieces = json!([event("one"), { "hold": true }, event("two"), { "hold": true }, STOP]);
    let raw = json!({ "headers": headers, "pieces": pieces });
    let (upstream, records) = recording(&[raw]).await;
    let answer = records.ask("replay/c/script/k", true, &[("user", "Hello")]);
    let mut chunks = answer.await.bytes_stream();
    let mut next = async || {
        timeout(LONG, chunks.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap()
    };
    assert_eq!(next().await, event("one"));
    upstream
        .call(Method::POST, "/scripts/k/release", Value::Null)
        .await;
    assert_eq!(next().await, event("two"));
    drop(chunks);
    // The model is let go, and half an answer is none.
    let left = upstream.get("/scripts/k/wait?left=1");
    timeout(LONG, left).await.unwrap();
    let report = records.get("/cassettes/c/report").await;
    assert_eq!(report["entries"], 0, "{report}");
    assert_eq!(
        report["refused"][0],
        "request 1: the client left before the answer's end"
    );
}

#[tokio::test]
async fn exchanges_stand_in_the_order_in_which_they_began() {
    let headers = json!({ "content-type": "text/event-stream" });
    let held = json!({ "headers": headers, "pieces": [event("one"), { "hold": true }, STOP] });
    let whole = json!({ "headers": headers, "pieces": [event("two"), STOP] });
    let (upstream, records) = recording(&[held, whole]).await;
    let first = records.ask("replay/c/script/k", true, &[("user", "First")]);
    let mut first = first.await.bytes_stream();
    timeout(LONG, first.next()).await.unwrap();
    let second = records.ask("replay/c/script/k", true, &[("user", "Second")]);
    second.await.text().await.unwrap();
    upstream
        .call(Method::POST, "/scripts/k/release", Value::Null)
        .await;
    while timeout(LONG, first.next()).await.unwrap().is_some() {}
    let file: Value = serde_json::from_str(&file(&records, "c").await).unwrap();
    for (n, said) in ["First", "Second"].iter().enumerate() {
        let message = &file["entries"][n]["request"]["messages"][0];
        assert_eq!(message["content"], *said, "{file}");
    }
}

#[tokio::test]
async fn other_tools_are_another_question() {
    let (_upstream, records) = recording(&[json!({ "pieces": ["a"] })]).await;
    let tool = json!({ "type": "function", "function": {
        "name": "add", "description": "adds", "parameters": { "properties": { "a": {} } },
    }});
    let asked =
        |tools: Value| json!({ "model": "replay/c/script/k", "messages": [], "tools": tools });
    let answer = records.send(asked(json!([tool]))).await.unwrap();
    answer.text().await.unwrap();
    let file = file(&records, "c").await;
    let with = |place: &str, value: Value| {
        let mut tool = tool.clone();
        *tool.pointer_mut(place).unwrap() = value;
        json!([tool])
    };
    let at = alone().await;
    load(&at, "/cassettes/c", &file).await;
    for tools in [
        json!([]),
        Value::Null,
        json!([tool, tool]),
        with("/function/name", json!("sub")),
        with("/function/description", json!("Adds")),
        with("/function/parameters/properties", json!({ "b": {} })),
    ] {
        let missed = at.send(asked(tools.clone())).await.unwrap();
        assert_eq!(missed.status(), 422, "{tools}");
    }
    let found = at.send(asked(json!([tool]))).await.unwrap();
    assert_eq!(found.status(), 200);
}
