//! Scripts, from outside: what a test registers, what a client gets, what the test is told.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{LONG, alone, events, is_reset, text};
use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

const HELLO: &[(&str, &str)] = &[("user", "hello")];

#[tokio::test]
async fn a_streamed_answer_is_openais() {
    let at = alone().await;
    let usage = json!({ "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5 });
    let answer = json!({ "pieces": ["Hel", "lo"], "usage": usage });
    at.put("/scripts/k", json!({ "answers": [answer] })).await;
    let wishes = json!({ "include_usage": true });
    let body =
        json!({ "model": "script/k", "stream": true, "stream_options": wishes, "messages": [] });
    let events = events(at.send(body).await.unwrap()).await;
    let (done, events) = events.split_last().unwrap();
    assert_eq!(done, "[DONE]");
    for event in events {
        assert_eq!(event["object"], "chat.completion.chunk", "{event}");
        assert_eq!(event["model"], "script/k");
        assert_eq!(event["id"], "chatcmpl-k-1");
        assert!(event["created"].as_i64().unwrap() > 1_700_000_000);
    }
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(
        events[1]["choices"][0]["delta"],
        json!({ "content": "Hel" })
    );
    assert_eq!(events[2]["choices"][0]["delta"], json!({ "content": "lo" }));
    assert_eq!(events[2]["choices"][0]["finish_reason"], Value::Null);
    assert_eq!(events[3]["choices"][0]["finish_reason"], "stop");
    assert_eq!(events[3]["usage"], Value::Null);
    assert_eq!(events[4]["choices"], json!([]));
    assert_eq!(events[4]["usage"], usage);
    assert_eq!(events.len(), 5);
}

#[tokio::test]
async fn a_whole_answer_is_openais() {
    let at = alone().await;
    let usage = json!({ "total_tokens": 5 });
    let answers = json!([{ "pieces": ["Hel", "lo"], "usage": usage, "finish_reason": "length" }]);
    at.put("/scripts/k", json!({ "answers": answers })).await;
    let answer = at.ask("script/k", false, HELLO).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["usage"], usage);
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "length");
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(choice["message"]["content"], "Hello");
    assert!(choice["message"].get("tool_calls").is_none());
}

#[tokio::test]
async fn tool_calls_come_as_openai_streams_them() {
    let at = alone().await;
    let tools = json!([
        { "name": "add", "arguments": { "a": 12345, "b": 67890 } },
        { "id": "mine", "name": "echo", "arguments": "{\"garb" },
        { "name": "now" },
    ]);
    let answer = json!({ "text": "Let me see.", "tools": tools });
    at.put("/scripts/k", json!({ "answers": [answer, answer] }))
        .await;
    let events = events(at.ask("script/k", true, HELLO).await).await;
    assert_eq!(text(&events), "Let me see.");
    let deltas = events
        .iter()
        .filter_map(|e| e["choices"][0]["delta"]["tool_calls"].as_array());
    let calls: Vec<&Value> = deltas.map(|calls| &calls[0]).collect();
    let first = json!({
        "index": 0, "id": "call_1", "type": "function",
        "function": { "name": "add", "arguments": "" },
    });
    assert_eq!(calls[0], &first);
    let of = |index: u64| calls.iter().filter(move |call| call["index"] == index);
    let said = |index: u64| -> String {
        of(index)
            .map(|c| c["function"]["arguments"].as_str().unwrap())
            .collect()
    };
    assert_eq!(said(0), "{\"a\":12345,\"b\":67890}");
    assert_eq!(said(1), "{\"garb");
    assert_eq!(said(2), "{}");
    assert!(
        of(0).count() > 2 && of(1).count() > 2 && of(2).count() > 2,
        "{calls:?}"
    );
    assert!(
        of(0)
            .skip(1)
            .all(|call| call.get("id").is_none() && call["function"].get("name").is_none())
    );
    let ids: Vec<_> = calls
        .iter()
        .filter_map(|call| call["id"].as_str())
        .collect();
    assert_eq!(ids, ["call_1", "mine", "call_2"]);
    let last = &events[events.len() - 2]["choices"][0];
    assert_eq!(last["finish_reason"], "tool_calls");

    let whole: Value = at.ask("script/k", false, HELLO).await.json().await.unwrap();
    let message = &whole["choices"][0]["message"];
    assert_eq!(message["content"], "Let me see.");
    assert_eq!(message["tool_calls"][0]["id"], "call_3");
    assert_eq!(message["tool_calls"][1]["function"]["arguments"], "{\"garb");
    assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
}

#[tokio::test]
async fn answers_go_in_order_to_the_first_request_they_fit() {
    let at = alone().await;
    let answers = json!([
        { "when": { "last_contains": "sum" }, "text": "for the sum" },
        { "text": "first" },
    ]);
    at.put("/scripts/k", json!({ "answers": answers })).await;
    let (_, appended) = at
        .call(
            Method::POST,
            "/scripts/k/answers",
            json!({ "answers": [{ "text": "second" }] }),
        )
        .await;
    assert_eq!(appended, json!({ "appended": 1 }));
    let mut said = Vec::new();
    for word in ["a", "b", "the sum"] {
        said.push(text(
            &events(at.ask("script/k", true, &[("user", word)]).await).await,
        ));
    }
    assert_eq!(said, ["first", "second", "for the sum"]);
}

#[tokio::test]
async fn a_missing_answer_is_no_servers_error_and_shows_the_question() {
    let at = alone().await;
    let answers = json!([{ "text": "a" }, { "when": { "turn": 7 }, "text": "b" }]);
    at.put("/scripts/k", json!({ "answers": answers })).await;
    at.ask("script/k", true, HELLO).await.text().await.unwrap();
    let missing = at
        .ask(
            "script/k",
            true,
            &[("system", "Add."), ("user", "2 and 3?")],
        )
        .await;
    assert_eq!(missing.status(), 422);
    let error: Value = missing.json().await.unwrap();
    assert_eq!(error["error"]["type"], "script_missing");
    let message = error["error"]["message"].as_str().unwrap();
    for part in ["script/k", "request 2", "2 and 3?", "Add.", "1 left"] {
        assert!(message.contains(part), "{message}");
    }
    let report = at.get("/scripts/k").await;
    assert_eq!(report["missing"], 1);
    assert_eq!(report["unused"][0]["index"], 1);
    assert_eq!(report["unused"][0]["answer"]["text"], "b");
    assert_eq!(report["requests"][0]["answer"], 0);
    assert_eq!(report["requests"][0]["error"], Value::Null);
    assert_eq!(report["requests"][0]["ended"], "complete");
    assert_eq!(report["requests"][1]["answer"], Value::Null);
    assert_eq!(report["requests"][1]["error"], message);

    let unknown = at.ask("script/nobody", false, HELLO).await;
    assert_eq!(unknown.status(), 422);
    assert!(
        unknown
            .text()
            .await
            .unwrap()
            .contains("there is no script `nobody`")
    );
}

#[tokio::test]
async fn a_test_is_told_what_was_asked_and_never_the_key() {
    let at = alone().await;
    at.put(
        "/scripts/k",
        json!({ "answers": [{ "text": "a" }, { "text": "b" }] }),
    )
    .await;
    let body = json!({ "model": "script/k", "messages": [{ "role": "user", "content": "x" }], "new": [1.5, null] });
    let url = format!("http://{}/v1/chat/completions", at.address);
    let request = at
        .client
        .post(&url)
        .bearer_auth("my-very-secret-key")
        .header("x-run", "7")
        .header("x-api-key", "my-very-secret-key");
    request.json(&body).send().await.unwrap();
    at.client.post(&url).json(&body).send().await.unwrap();
    let report = at.get("/scripts/k").await;
    let requests = report["requests"].as_array().unwrap();
    assert_eq!(requests[0]["n"], 1);
    assert_eq!(requests[0]["body"], body);
    assert_eq!(requests[0]["authorization"], true);
    assert_eq!(requests[1]["authorization"], false);
    assert_eq!(requests[0]["headers"]["x-run"], "7");
    assert!(requests[0]["ms"].as_u64() <= requests[1]["ms"].as_u64());
    assert!(requests[0]["at"].as_str().unwrap().ends_with('Z'));
    assert!(!report.to_string().contains("secret"), "{report}");
}

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
    let short = std::time::Duration::from_millis(200);
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
        while let Some(chunk) = chunks.next().await {
            if chunk.is_err() || chunk.unwrap().starts_with(b"data: [DONE]") {
                return;
            }
        }
    };
    // Nothing else can show that something does not happen.
    assert!(
        timeout(std::time::Duration::from_millis(200), rest())
            .await
            .is_err()
    );
    // A script that is deleted lets go, and not as if the answer were whole.
    let (status, _) = at.call(Method::DELETE, "/scripts/k", Value::Null).await;
    assert_eq!(status, 204);
    timeout(LONG, rest()).await.unwrap();
    let (status, _) = at.call(Method::GET, "/scripts/k", Value::Null).await;
    assert_eq!(status, 404);
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

    let before = std::time::Instant::now();
    at.ask("script/k", true, HELLO).await;
    assert!(before.elapsed() >= std::time::Duration::from_millis(150));
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

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let at = alone().await;
    at.put("/scripts/k", json!({})).await;
    for (method, path, body, status, why) in [
        (Method::PUT, "/scripts/k", json!({}), 409, "already"),
        (Method::PUT, "/scripts/a%20b", json!({}), 400, "no name"),
        (
            Method::PUT,
            "/scripts/new",
            json!({ "answers": [{ "txt": "a" }] }),
            400,
            "txt",
        ),
        (
            Method::PUT,
            "/scripts/new",
            json!({ "answers": [{ "text": "a" }, {}] }),
            400,
            "answer 1",
        ),
        (
            Method::PUT,
            "/scripts/new",
            json!("text"),
            400,
            "no list of answers",
        ),
        (
            Method::POST,
            "/scripts/no/answers",
            json!({}),
            404,
            "no script `no`",
        ),
        (
            Method::POST,
            "/scripts/no/release",
            json!({}),
            404,
            "no script `no`",
        ),
        (
            Method::GET,
            "/scripts/no/wait",
            json!({}),
            404,
            "no script `no`",
        ),
        (
            Method::DELETE,
            "/scripts/no",
            json!({}),
            404,
            "no script `no`",
        ),
    ] {
        let (said, error) = at.call(method, path, body).await;
        assert_eq!(said, status, "{path}: {error}");
        assert!(
            error["error"]["message"].as_str().unwrap().contains(why),
            "{path}: {error}"
        );
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_clearly() {
    use model_gateway::{budget::Budget, chat::Gateway, config::Mode};
    let told = common::told(None, Mode::Replay, None);
    let budget = Budget::new(1000);
    let at = common::gateway_of(Gateway {
        budget,
        ..Gateway::new(&told).unwrap()
    })
    .await;
    at.put(
        "/scripts/k",
        json!({ "answers": [{ "text": "x".repeat(700) }] }),
    )
    .await;
    let body = json!({ "answers": [{ "text": "y".repeat(700) }] });
    let (status, error) = at
        .call(Method::POST, "/scripts/k/answers", body.clone())
        .await;
    assert_eq!(status, 507);
    assert_eq!(error["error"]["type"], "gateway_full");
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains("limit of 1000"),
        "{error}"
    );
    // A request that does not fit is not answered, and not forgotten.
    let answer = at
        .ask("script/k", true, &[("user", &"z".repeat(700))])
        .await;
    assert_eq!(answer.status(), 422);
    assert_eq!(
        answer.json::<Value>().await.unwrap()["error"]["type"],
        "gateway_full"
    );
    assert_eq!(at.get("/scripts/k").await["missing"], 1);
    // What is deleted makes room.
    at.call(Method::DELETE, "/scripts/k", Value::Null).await;
    at.put("/scripts/l", body).await;
}
