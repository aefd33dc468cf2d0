//! The gateway between a real client and a real upstream, both over TCP.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Response, StatusCode},
    routing::{get, post},
};
use common::{LONG, alone, listen, told};
use futures::{StreamExt, stream::unfold};
use model_gateway::{config::Mode, gateway::Gateway, serve::router};
use serde_json::{Value, json};
use service_kit::health;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
    time::timeout,
};

async fn gateway(upstream: &str, exchanges: Option<&Path>) -> SocketAddr {
    let told = told(Some(upstream.to_owned()), Mode::Replay, exchanges);
    listen(router(Arc::new(Gateway::new(&told).unwrap()))).await
}

async fn ask(gateway: SocketAddr, model: &str) -> reqwest::Result<reqwest::Response> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client
        .post(format!("http://{gateway}/v1/chat/completions?a=b"))
        .bearer_auth("sk-very-secret")
        .json(&serde_json::json!({ "model": model, "stream": true }))
        .send()
        .await
}

type Said = Result<Bytes, std::io::Error>;

/// An upstream that says what the test tells it to, when it tells it to.
fn scripted() -> (Router, mpsc::Sender<Said>) {
    let (sender, receiver) = mpsc::channel(1);
    let answer = Arc::new(Mutex::new(Some(receiver)));
    let handler = async move || {
        let answer = answer.lock().await.take().unwrap();
        let chunks = unfold(answer, async |mut answer: mpsc::Receiver<Said>| {
            Some((answer.recv().await?, answer))
        });
        Response::new(Body::from_stream(chunks))
    };
    (
        Router::new().route("/deep/v1/chat/completions", post(handler)),
        sender,
    )
}

#[tokio::test]
async fn chunks_arrive_before_the_answer_ends() {
    let (upstream, says) = scripted();
    let at = listen(upstream).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("exchanges.jsonl");
    let gateway = gateway(&format!("http://{at}/deep/v1/"), Some(&file)).await;
    let asking = tokio::spawn(ask(gateway, "m"));
    says.send(Ok("data: one\n\n".into())).await.unwrap();
    let mut chunks = asking.await.unwrap().unwrap().bytes_stream();
    let first = timeout(LONG, chunks.next()).await.unwrap();
    assert_eq!(first.unwrap().unwrap(), "data: one\n\n");
    says.send(Ok("data: two\n\n".into())).await.unwrap();
    let second = timeout(LONG, chunks.next()).await.unwrap();
    assert_eq!(second.unwrap().unwrap(), "data: two\n\n");
    drop(says);
    assert!(timeout(LONG, chunks.next()).await.unwrap().is_none());

    let line = std::fs::read_to_string(&file).unwrap();
    assert!(!line.contains("secret"), "{line}");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["model"], "m");
    assert_eq!(line["status"], 200);
    assert_eq!(line["outcome"], "complete");
    assert_eq!(line["lane"], "live");
    assert!(
        line.get("script").is_none() && line.get("tokens").is_none(),
        "{line}"
    );
    assert_eq!(line["chunks"], 2);
    assert_eq!(line["response_bytes"], 22);
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_models_work() {
    let (upstream, says) = scripted();
    let at = listen(upstream).await;
    let gateway = gateway(&format!("http://{at}/deep/v1"), None).await;
    let asking = tokio::spawn(ask(gateway, "m"));
    says.send(Ok("data: one\n\n".into())).await.unwrap();
    let answer = asking.await.unwrap().unwrap();
    drop(answer);
    // The upstream's own server drops its answer, which closes the channel that feeds it.
    let ended = async { while says.send(Ok("data: more\n\n".into())).await.is_ok() {} };
    timeout(LONG, ended).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_made_whole() {
    let (upstream, says) = scripted();
    let at = listen(upstream).await;
    let gateway = gateway(&format!("http://{at}/deep/v1"), None).await;
    let asking = tokio::spawn(ask(gateway, "m"));
    says.send(Ok("data: one\n\n".into())).await.unwrap();
    let mut chunks = asking.await.unwrap().unwrap().bytes_stream();
    chunks.next().await.unwrap().unwrap();
    says.send(Err(std::io::Error::other("cut"))).await.unwrap();
    assert!(
        timeout(LONG, chunks.next())
            .await
            .unwrap()
            .unwrap()
            .is_err()
    );
}

#[tokio::test]
async fn a_model_that_is_down_is_a_502_that_names_its_address() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let gateway = gateway(&format!("http://user:pass@{at}/v1?key=hush"), None).await;
    // One that has no query of its own, which would go before that of the address.
    let models = reqwest::get(format!("http://{gateway}/v1/models"));
    let answer = models.await.unwrap();
    assert_eq!(answer.status(), 502);
    let error: serde_json::Value = answer.json().await.unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with(&format!("the model at http://{at}/v1 cannot be reached")),
        "{message}"
    );
    for secret in ["pass", "hush"] {
        assert!(!message.contains(secret), "{message}");
    }
    // The gateway itself serves, scripts and cassettes too.
    health::ask(&gateway.to_string()).await.unwrap();
}

#[tokio::test]
async fn what_is_asked_arrives_and_what_is_answered_returns() {
    let chat = async |uri: axum::http::Uri, headers: HeaderMap, body: String| {
        assert_eq!(uri, "/deep/v1/chat/completions?a=b");
        assert_eq!(headers["authorization"], "Bearer sk-very-secret");
        assert!(body.contains("\"model\":\"m\""));
        (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")], body)
    };
    let upstream = Router::new()
        .route("/deep/v1/chat/completions", post(chat))
        .route(
            "/deep/v1/models",
            get(async |uri: axum::http::Uri| uri.to_string()),
        );
    let at = listen(upstream).await;
    let gateway = gateway(&format!("http://{at}/deep/v1"), None).await;
    let models = reqwest::get(format!("http://{gateway}/v1/models?limit=5&after=x%20y"));
    assert_eq!(
        models.await.unwrap().text().await.unwrap(),
        "/deep/v1/models?limit=5&after=x%20y"
    );
    let answer = ask(gateway, "m").await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "7");
    assert!(answer.text().await.unwrap().contains("\"stream\":true"));
    health::ask(&gateway.to_string()).await.unwrap();
    let other = reqwest::get(format!("http://{gateway}/v1/nonsense"))
        .await
        .unwrap();
    assert_eq!(other.status(), 404);
    assert!(other.text().await.unwrap().contains("chat/completions"));
}

#[tokio::test]
async fn an_ollama_is_asked_for_its_models_contexts() {
    let upstream = Router::new()
        .route(
            "/deep/api/ps",
            get(async |headers: HeaderMap| headers["authorization"].to_str().unwrap().to_owned()),
        )
        .route(
            "/deep/api/show",
            post(async |body: String| (StatusCode::NOT_FOUND, body)),
        )
        .route("/deep/api/pull", post(async || "pulled"));
    let at = listen(upstream).await;
    let gateway = gateway(&format!("http://{at}/deep/v1"), None).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let running = client
        .get(format!("http://{gateway}/api/ps"))
        .bearer_auth("k");
    assert_eq!(
        running.send().await.unwrap().text().await.unwrap(),
        "Bearer k"
    );
    let shown = client
        .post(format!("http://{gateway}/api/show"))
        .body("{\"model\":\"m\"}");
    let shown = shown.send().await.unwrap();
    assert_eq!(shown.status(), 404);
    assert_eq!(shown.text().await.unwrap(), "{\"model\":\"m\"}");
    // What changes something there is nobody's business here.
    let pulled = client.post(format!("http://{gateway}/api/pull")).send();
    assert_eq!(pulled.await.unwrap().status(), 404);
    let alone = alone().await;
    let nobody = alone.client.get(format!("http://{}/api/ps", alone.address));
    assert_eq!(nobody.send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn without_a_model_live_requests_are_told_so() {
    let at = alone().await;
    let answer = at.ask("gpt", true, &[("user", "hello")]).await;
    assert_eq!(answer.status(), 503);
    let error: Value = answer.json().await.unwrap();
    assert_eq!(error["error"]["type"], "no_live_model");
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains("GATEWAY_UPSTREAM")
    );
    health::ask(&at.address.to_string()).await.unwrap();
    assert_eq!(
        at.get("/v1/models").await,
        json!({ "object": "list", "data": [] })
    );
    at.put("/scripts/k", json!({})).await;
    assert_eq!(at.get("/v1/models").await["data"][0]["id"], "script/k");
}

#[tokio::test]
async fn a_client_that_does_not_read_slows_the_model() {
    let (upstream, says) = scripted();
    let at = listen(upstream).await;
    let gateway = gateway(&format!("http://{at}/deep/v1"), None).await;
    let asking = tokio::spawn(ask(gateway, "m"));
    says.send(Ok("data: one\n\n".into())).await.unwrap();
    let _answer = asking.await.unwrap().unwrap();
    // Sockets hold a few of these; a gateway that collects would take them all.
    let much = Bytes::from(vec![b'x'; 1024 * 1024]);
    let mut taken = 0;
    while taken < 100 {
        // Nothing else can show that something does not happen.
        let sent = timeout(Duration::from_millis(300), says.send(Ok(much.clone())));
        if sent.await.is_err() {
            break;
        }
        taken += 1;
    }
    assert!(taken < 50, "{taken} MiB are somewhere");
}
