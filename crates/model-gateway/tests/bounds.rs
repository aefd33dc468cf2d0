//! Limits, at each and one beyond (`docs/limits.md`), and the one thread, which stays free.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::sync::mpsc;

use common::{At, HELLO, LONG, alone, gateway, gateway_of, told};
use model_gateway::{budget::Budget, config::Mode, gateway::Gateway};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

/// A gateway that may hold so many bytes.
async fn holding(bytes: usize) -> At {
    let gateway = Gateway::new(&told(None, Mode::Replay, None)).unwrap();
    let budget = Budget::new(bytes);
    gateway_of(Gateway { budget, ..gateway }).await
}

fn message(error: &Value) -> &str {
    error["error"]["message"].as_str().unwrap()
}

#[tokio::test]
async fn a_script_has_ten_thousand_answers() {
    let at = alone().await;
    let answers = |count: usize| json!({ "answers": vec![json!({ "text": "a" }); count] });
    let (status, error) = at.call(Method::PUT, "/scripts/k", answers(10_001)).await;
    assert_eq!(status, 400);
    assert!(
        message(&error).contains("10001 answers are more than"),
        "{error}"
    );
    at.put("/scripts/k", answers(10_000)).await;
    let (status, error) = at
        .call(Method::POST, "/scripts/k/answers", answers(1))
        .await;
    assert_eq!(status, 400, "{error}");
    assert_eq!(
        at.get("/scripts/k").await["unused"]
            .as_array()
            .unwrap()
            .len(),
        10_000
    );
}

#[tokio::test]
async fn what_is_small_on_the_wire_and_large_when_read_is_refused_before_it_is_read() {
    // 1.2 MB that took 319 MB.
    let at = alone().await;
    let answers = json!({ "answers": vec![json!({ "text": "a" }); 100_000] });
    let (status, error) = at.call(Method::PUT, "/scripts/k", answers).await;
    assert_eq!(status, 507, "{error}");
    let rule = json!({ "model": "m", "nth": vec![1; 400_000], "fault": {} });
    let (status, error) = at.call(Method::PUT, "/faults/k", rule).await;
    assert_eq!(status, 507, "{error}");
    let values = json!({ "format": 1, "entries": vec![Value::Null; 400_000] });
    let (status, error) = at.call(Method::PUT, "/cassettes/k", values).await;
    assert_eq!(status, 507, "{error}");
}

#[tokio::test]
async fn empty_scripts_take_room_too() {
    let at = holding(10_000).await;
    let mut count = 0;
    while at
        .call(Method::PUT, &format!("/scripts/k-{count}"), json!({}))
        .await
        .0
        == 201
    {
        count += 1;
        assert!(count < 10, "they are free");
    }
    assert!(count > 1, "not even two fit");
    // What is refused takes nothing.
    at.call(Method::DELETE, "/scripts/k-0", Value::Null).await;
    at.put("/scripts/k-0", json!({})).await;
}

#[tokio::test]
async fn megabytes_of_arguments_are_a_few_thousand_events() {
    let at = alone().await;
    let arguments = "x".repeat(1_000_000);
    let tools = json!([{ "name": "t", "arguments": arguments }]);
    at.put("/scripts/k", json!({ "answers": [{ "tools": tools }] }))
        .await;
    let said = at.ask("script/k", true, HELLO).await.text().await.unwrap();
    let events = common::parsed(&said);
    assert!(events.len() < 4096 + 10, "{}", events.len());
    let parts = events.iter().filter_map(|event| {
        event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str()
    });
    assert_eq!(parts.collect::<String>(), arguments);
}

#[tokio::test]
async fn requests_without_room_are_told_of_a_hundred_times_and_counted_on() {
    let at = holding(6000).await;
    at.put("/scripts/k", json!({})).await;
    let long = "x".repeat(6000);
    for _ in 0..101 {
        let answer = at.ask("script/k", true, &[("user", &long)]).await;
        assert_eq!(answer.status(), 422);
    }
    let report = at.get("/scripts/k").await;
    assert_eq!(report["requests"].as_array().unwrap().len(), 100);
    assert_eq!(report["missing"], 101);
    let (status, _) = at
        .call(
            Method::GET,
            "/scripts/k/wait?requests=101&seconds=0",
            Value::Null,
        )
        .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn names_have_128_characters() {
    let at = alone().await;
    let name = "n".repeat(128);
    at.put(&format!("/scripts/{name}"), json!({})).await;
    let (status, error) = at
        .call(Method::PUT, &format!("/scripts/{name}n"), json!({}))
        .await;
    assert_eq!(status, 400);
    assert!(message(&error).contains("1 to 128"), "{error}");
}

#[tokio::test]
async fn what_is_no_json_object_is_400() {
    let at = alone().await;
    at.put("/scripts/k", json!({ "answers": [{ "text": "a" }] }))
        .await;
    let url = format!("http://{}/v1/chat/completions", at.address);
    let send = async |body: &[u8]| {
        let answer = at
            .client
            .post(&url)
            .body(body.to_vec())
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.unwrap())
    };
    for body in [
        b"".as_slice(),
        b"hello",
        b"[1]",
        b"7",
        br#"{"model":"script/k""#,
        br#"{"model":"script/k"} {"#,
        b"{\"model\":\"script/k\",\"a\":\"\xff\"}",
    ] {
        let (status, error) = send(body).await;
        assert_eq!(status, 400, "{error}");
        assert!(
            message(&error).starts_with("the request is no JSON object: "),
            "{error}"
        );
    }
    // A model of another type is the model's to refuse.
    assert_eq!(send(br#"{"model":7,"stream":"yes"}"#).await.0, 503);
    // None of these was a request to the script.
    assert_eq!(at.get("/scripts/k").await["requests"], json!([]));
}

/// Long work of every kind waits for a thread that the test holds, and everybody else is answered meanwhile.
#[test]
fn the_one_thread_stays_free() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(1).build();
    runtime.unwrap().block_on(async {
        let long = "x".repeat(200_000);
        let live = alone().await;
        live.put("/scripts/up", json!({ "answers": [{ "text": "a" }] })).await;
        let base = Some(format!("http://{}/v1", live.address));
        let records = gateway(base, Mode::Record, None).await;
        let at = alone().await;
        at.put("/scripts/k", json!({ "answers": [{ "text": "a" }] })).await;
        let empty = json!({ "format": 1, "model": "m", "recorded": "", "upstream": "", "entries": [] });
        at.put("/cassettes/c", empty.clone()).await;
        let with = |mut value: Value, place: &str| {
            value[place] = json!(long);
            value
        };
        let chat = |model: &str| json!({ "model": model, "messages": [{ "role": "user", "content": long }] });
        // Much to compare is long work too, however short the request.
        let condition = json!({ "when": { "last_contains": "no such" }, "text": "a" });
        let conditions = json!({ "answers": vec![condition; 500] });
        at.put("/scripts/many", conditions).await;
        let few = json!({ "model": "script/many", "messages": [{ "role": "user", "content": &long[..10_000] }] });
        let big = json!({ "text": long });
        at.put("/scripts/big", json!({ "answers": [big, big] })).await;
        let asked = |stream: bool| json!({ "model": "script/big", "stream": stream, "messages": [] });
        let works = [
            (&at, Method::POST, "/v1/chat/completions", asked(true), 200),
            (&at, Method::POST, "/v1/chat/completions", asked(false), 200),
            (&at, Method::POST, "/v1/chat/completions", few, 422),
            (&at, Method::POST, "/v1/chat/completions", chat("script/k"), 200),
            (&at, Method::POST, "/v1/chat/completions", chat("replay/c/m"), 422),
            (&at, Method::POST, "/v1/chat/completions", chat("gpt"), 503),
            (&at, Method::PUT, "/scripts/l", json!({ "answers": [{ "text": long }] }), 201),
            (&at, Method::PUT, "/cassettes/d", with(empty, "upstream"), 201),
            (&at, Method::PUT, "/faults/f", json!({ "model": long, "nth": 1, "fault": { "never": true } }), 201),
            (&records, Method::POST, "/v1/chat/completions", chat("replay/c/script/up"), 200),
        ];
        for (at, method, path, body, status) in works {
            let (free, freed) = mpsc::channel::<()>();
            tokio::task::spawn_blocking(move || freed.recv());
            let work = at.call(method, path, body.clone());
            tokio::pin!(work);
            for _ in 0..20 {
                tokio::select! {
                    biased;
                    _ = &mut work => panic!("{path} was worked on where all are answered"),
                    _ = at.get("/healthz") => {}
                }
            }
            drop(free);
            let (said, answer) = timeout(LONG, work).await.unwrap();
            assert_eq!(said, status, "{path}: {answer}");
        }
    });
}
