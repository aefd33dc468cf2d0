//! Rules of faults, on scripts and on a live model alike.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::Response,
    routing::post,
};
use common::{At, HELLO, LONG, alone, gateway, is_reset, listen, parsed};
use futures::{StreamExt, stream};
use model_gateway::config::Mode;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

/// A gateway before a model that says `a` to `d`, an event each, cut in odd places; and how often it was asked.
async fn live() -> (At, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let handler = async move || {
        count.fetch_add(1, Ordering::SeqCst);
        let chunks = [
            "data: \"a",
            "\"\n",
            "\ndata: \"b\"\n\ndata: \"c\"\n\nda",
            "ta: \"d\"\n\n",
        ];
        let chunks = chunks.map(|chunk| Ok::<_, Infallible>(Bytes::from(chunk)));
        let response = Response::builder().header("content-type", "text/event-stream");
        response
            .body(Body::from_stream(stream::iter(chunks)))
            .unwrap()
    };
    let at = listen(Router::new().route("/v1/chat/completions", post(handler))).await;
    let gateway = gateway(Some(format!("http://{at}/v1")), Mode::Replay, None).await;
    (gateway, asked)
}

async fn statuses(at: &At, model: &str, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(at.ask(model, true, HELLO).await.status().as_u16());
    }
    statuses
}

#[tokio::test]
async fn rules_strike_the_requests_they_name() {
    let (at, asked) = live().await;
    for (id, model, nth) in [
        ("one", "first", json!(2)),
        ("list", "second", json!([1, 3])),
        ("every", "third*", json!("every")),
    ] {
        let rule =
            json!({ "model": model, "nth": nth, "fault": { "status": 500, "body": { "a": id } } });
        at.put(&format!("/faults/{id}"), rule).await;
    }
    assert_eq!(statuses(&at, "first", 3).await, [200, 500, 200]);
    assert_eq!(statuses(&at, "second", 4).await, [500, 200, 500, 200]);
    assert_eq!(statuses(&at, "third-of-all", 2).await, [500, 500]);
    assert_eq!(statuses(&at, "a-third", 1).await, [200]);
    assert_eq!(
        asked.load(Ordering::SeqCst),
        5,
        "a request that failed was passed on"
    );
    let report = at.get("/faults/list").await;
    assert_eq!((&report["seen"], &report["struck"]), (&json!(4), &json!(2)));
    assert_eq!(report["nth"], json!([1, 3]));

    let (status, _) = at.call(Method::DELETE, "/faults/every", Value::Null).await;
    assert_eq!(status, 204);
    assert_eq!(statuses(&at, "third", 1).await, [200]);
    let (status, _) = at.call(Method::GET, "/faults/every", Value::Null).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_live_stream_is_cut_after_whole_events() {
    let (at, _) = live().await;
    let said = ["a", "b", "c", "d"].map(|word| format!("data: \"{word}\"\n\n"));
    // Where there are fewer events, all of them, and still no end.
    for (cut, events) in [(2, 2), (4, 4), (5, 4)] {
        let model = format!("cut-{cut}");
        let rule = json!({ "model": model, "nth": 1, "fault": { "cut_after_chunks": cut } });
        at.put(&format!("/faults/{cut}"), rule).await;
        let mut chunks = at.ask(&model, true, HELLO).await.bytes_stream();
        let mut seen = Vec::new();
        let error = loop {
            match timeout(LONG, chunks.next()).await.unwrap().unwrap() {
                Ok(chunk) => seen.extend(chunk),
                Err(error) => break error,
            }
        };
        assert_eq!(String::from_utf8(seen).unwrap(), said[..events].concat());
        assert!(is_reset(&error), "{error:?}");
    }
}

#[tokio::test]
async fn what_the_gateway_refuses_is_told_whole() {
    let at = alone().await;
    at.put("/scripts/k", json!({})).await;
    let fault = json!({ "cut_after_chunks": 0, "garbage": true });
    let rule = json!({ "model": "*", "nth": "every", "fault": fault });
    at.put("/faults/cut", rule).await;
    for (model, kind) in [
        ("replay/c/m", "cassette_miss"),
        ("script/k", "script_missing"),
        ("gpt", "no_live_model"),
    ] {
        let error: Value = at.ask(model, true, HELLO).await.json().await.unwrap();
        assert_eq!(error["error"]["type"], kind);
    }
}

#[tokio::test]
async fn a_live_stream_gets_garbage_and_goes_on() {
    let (at, _) = live().await;
    at.put(
        "/faults/g",
        json!({ "model": "m", "nth": 1, "fault": { "garbage": true } }),
    )
    .await;
    let events = parsed(&at.ask("m", true, HELLO).await.text().await.unwrap());
    assert_eq!(events.len(), 5, "{events:?}");
    assert_eq!((&events[0], &events[4]), (&json!("a"), &json!("d")));
    assert!(events[1].get("garbage").is_some());
    let events = parsed(&at.ask("m", true, HELLO).await.text().await.unwrap());
    assert_eq!(events.len(), 4, "{events:?}");
}

#[tokio::test]
async fn delays_and_silence() {
    let (at, _) = live().await;
    at.put(
        "/faults/late",
        json!({ "model": "late", "nth": 1, "fault": { "delay_ms": 150 } }),
    )
    .await;
    at.put(
        "/faults/never",
        json!({ "model": "never", "nth": 1, "fault": { "never": true } }),
    )
    .await;
    let began = Instant::now();
    assert_eq!(statuses(&at, "late", 1).await, [200]);
    assert!(began.elapsed() >= Duration::from_millis(150));
    // Nothing else can show that something does not happen.
    let waited = timeout(Duration::from_millis(200), at.ask("never", true, HELLO)).await;
    assert!(waited.is_err(), "{waited:?}");
    assert_eq!(statuses(&at, "never", 1).await, [200]);
}

#[tokio::test]
async fn a_rule_spares_the_scripts_answers() {
    let at = alone().await;
    at.put("/scripts/k", json!({ "answers": [{ "text": "a" }] }))
        .await;
    let fault = json!({ "status": 503, "headers": { "retry-after": "2" } });
    at.put(
        "/faults/k",
        json!({ "model": "script/k", "nth": 1, "fault": fault }),
    )
    .await;
    let answer = at.ask("script/k", true, HELLO).await;
    assert_eq!(answer.headers()["retry-after"], "2");
    assert_eq!(answer.status(), 503);
    assert_eq!(statuses(&at, "script/k", 1).await, [200]);
    assert_eq!(
        at.get("/scripts/k").await["requests"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn rules_that_mean_nothing_are_refused() {
    let at = alone().await;
    let rule = |fault: Value| json!({ "model": "m", "nth": 1, "fault": fault });
    let strikes = |nth: Value| json!({ "model": "m", "nth": nth, "fault": { "never": true } });
    at.put("/faults/there", rule(json!({ "never": true })))
        .await;
    for (path, body, status, why) in [
        (
            "/faults/there",
            rule(json!({ "never": true })),
            409,
            "already",
        ),
        ("/faults/x", rule(json!({ "status": 99 })), 400, "no status"),
        (
            "/faults/x",
            rule(json!({ "body": 1 })),
            400,
            "with a status",
        ),
        (
            "/faults/x",
            rule(json!({ "status": 500, "never": true })),
            400,
            "withheld",
        ),
        ("/faults/x", rule(json!({ "statuss": 500 })), 400, "statuss"),
        (
            "/faults/x",
            json!({ "model": "m", "nth": "often", "fault": {} }),
            400,
            "no rule",
        ),
        ("/faults/x", rule(json!({})), 400, "nothing goes wrong"),
        ("/faults/x", strikes(json!(0)), 400, "counts from 1"),
        ("/faults/x", strikes(json!([])), 400, "counts from 1"),
        ("/faults/x", strikes(json!([1, 0])), 400, "counts from 1"),
        (
            "/faults/x",
            strikes((1..=1001).collect()),
            400,
            "1000 numbers at most",
        ),
        (
            "/faults/x",
            rule(json!({ "status": 500, "headers": { "content-length": "7" } })),
            400,
            "`content-length` is the connection's",
        ),
    ] {
        let (said, error) = at.call(Method::PUT, path, body).await;
        assert_eq!(said, status, "{error}");
        assert!(
            error["error"]["message"].as_str().unwrap().contains(why),
            "{error}"
        );
    }
    at.put("/faults/many", strikes((1..=1000).collect())).await;
}

#[tokio::test]
async fn each_rule_counts_for_itself_and_of_two_the_first_by_name_strikes() {
    let (at, _) = live().await;
    for (id, model, nth, status) in [
        ("b", "m*", json!([2, 3]), 501),
        ("a", "m", json!(3), 502),
        ("c", "other", json!(1), 503),
    ] {
        let rule = json!({ "model": model, "nth": nth, "fault": { "status": status } });
        at.put(&format!("/faults/{id}"), rule).await;
    }
    assert_eq!(statuses(&at, "m", 4).await, [200, 501, 502, 200]);
    assert_eq!(statuses(&at, "other", 2).await, [503, 200]);
    let counts = async |id: &str| {
        let report = at.get(&format!("/faults/{id}")).await;
        (report["seen"].clone(), report["struck"].clone())
    };
    assert_eq!(counts("a").await, (json!(4), json!(1)));
    assert_eq!(counts("b").await, (json!(4), json!(1)));
    assert_eq!(counts("c").await, (json!(2), json!(1)));
}

#[tokio::test]
async fn an_answer_without_an_end_in_it_is_cut_all_the_same() {
    let much = Bytes::from(vec![b'x'; 64 * 1024]);
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let handler = async move |body: Bytes| {
        let kind = match body.windows(6).any(|w| w == b"stream") && body.ends_with(b"true}") {
            true => "text/event-stream",
            false => "application/json",
        };
        let chunks = stream::repeat_with(move || {
            count.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Infallible>(much.clone())
        });
        let response = Response::builder().header("content-type", kind);
        response.body(Body::from_stream(chunks)).unwrap()
    };
    let upstream = listen(Router::new().route("/v1/chat/completions", post(handler))).await;
    let at = gateway(Some(format!("http://{upstream}/v1")), Mode::Replay, None).await;
    let rule = json!({ "model": "m", "nth": "every", "fault": { "cut_after_chunks": 1 } });
    at.put("/faults/cut", rule).await;
    for stream in [true, false] {
        let body = format!(r#"{{"model":"m","messages":[],"stream":{stream}}}"#);
        let url = format!("http://{}/v1/chat/completions", at.address);
        let answer = at.client.post(url).body(body).send().await.unwrap();
        let cut = timeout(LONG, answer.bytes()).await.unwrap();
        assert!(is_reset(&cut.unwrap_err()), "{stream}");
    }
    // A few MiB were enough to see that there is no end.
    let sent = sent.load(Ordering::SeqCst);
    assert!(sent < 1000, "{sent} chunks were taken");
}
