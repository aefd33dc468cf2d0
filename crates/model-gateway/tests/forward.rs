//! The gateway between a real client and a real upstream, both over TCP.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Response, StatusCode},
    routing::{get, post},
};
use futures::{StreamExt, stream::unfold};
use model_gateway::{
    config::{Forward, Listen},
    forward::{Upstream, router},
    health,
};
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
    time::timeout,
};

/// Far longer than anything here takes; a test that waits so long has failed.
const LONG: Duration = Duration::from_secs(10);

async fn listen(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    address
}

async fn gateway(upstream: &str, exchanges: Option<&Path>) -> SocketAddr {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args = Forward {
        listen: Listen {
            host: [127, 0, 0, 1].into(),
            port: 0,
            announce_file: None,
        },
        upstream: upstream.to_owned(),
        exchanges: exchanges.map(Path::to_owned),
    };
    listen(router(Arc::new(Upstream::new(&args).unwrap()))).await
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
    let gateway = gateway(&format!("http://user:pass@{at}/v1"), None).await;
    let answer = ask(gateway, "m").await.unwrap();
    assert_eq!(answer.status(), 502);
    let error: serde_json::Value = answer.json().await.unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with(&format!("the model at http://{at}/v1 cannot be reached")),
        "{message}"
    );
    assert!(!message.contains("pass"), "{message}");
    let why = health::ask(&gateway.to_string()).await.unwrap_err();
    assert!(format!("{why:#}").contains("cannot be reached"), "{why:#}");
}

#[tokio::test]
async fn what_is_asked_arrives_and_what_is_answered_returns() {
    let chat = async |headers: HeaderMap, body: String| {
        assert_eq!(headers["authorization"], "Bearer sk-very-secret");
        assert!(body.contains("\"model\":\"m\""));
        (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")], body)
    };
    let upstream = Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/models", get(async || "[]"));
    let at = listen(upstream).await;
    let gateway = gateway(&format!("http://{at}/v1"), None).await;
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
