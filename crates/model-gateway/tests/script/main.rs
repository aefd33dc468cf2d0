//! Scripts, from outside: what a test registers, what a client gets, what the test is told.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod holds;
mod openai_stream;
mod raw;

use common::{HELLO, alone, events, text};
use reqwest::Method;
use serde_json::{Value, json};

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
    let mut request = at
        .client
        .post(&url)
        .bearer_auth("my-very-secret-key")
        .header("x-run", "7");
    for name in ["x-api-key", "x-token-1", "x-auth-user", "x-cookie-2"] {
        request = request.header(name, "my-very-secret-key");
    }
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
    use model_gateway::{budget::Budget, config::Mode, gateway::Gateway};
    let told = common::told(None, Mode::Replay, None);
    let budget = Budget::new(10_000);
    let at = common::gateway_of(Gateway {
        budget,
        ..Gateway::new(&told).unwrap()
    })
    .await;
    at.put(
        "/scripts/k",
        json!({ "answers": [{ "text": "x".repeat(2000) }] }),
    )
    .await;
    let body = json!({ "answers": [{ "text": "y".repeat(2000) }] });
    let (status, error) = at
        .call(Method::POST, "/scripts/k/answers", body.clone())
        .await;
    assert_eq!(status, 507);
    assert_eq!(error["error"]["type"], "gateway_full");
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains("limit of 10000"),
        "{error}"
    );
    // A request that does not fit is not answered, and not forgotten.
    let answer = at
        .ask("script/k", true, &[("user", &"z".repeat(4000))])
        .await;
    assert_eq!(answer.status(), 422);
    assert_eq!(
        answer.json::<Value>().await.unwrap()["error"]["type"],
        "gateway_full"
    );
    assert_eq!(at.get("/scripts/k").await["missing"], 1);
    // A large one is refused before it is sent.
    let head = "POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 20000000";
    let said = common::begun(at.address, head, b"").await;
    assert!(
        said.starts_with("HTTP/1.1 422 ") && said.contains("gateway_full"),
        "{said}"
    );
    let head = "PUT /scripts/new HTTP/1.1\r\ncontent-length: 20000000";
    let said = common::begun(at.address, head, b"").await;
    assert!(
        said.starts_with("HTTP/1.1 507 ") && said.contains("gateway_full"),
        "{said}"
    );
    // What is deleted makes room.
    at.call(Method::DELETE, "/scripts/k", Value::Null).await;
    at.put("/scripts/l", body).await;
}
