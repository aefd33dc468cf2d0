//! Upstreams that send what nobody would think of: it passes as it came.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use axum::{
    Router,
    http::{StatusCode, Uri},
    routing::{get, post},
};
use common::{At, HELLO, LONG, gateway, is_reset, listen};
use futures::StreamExt;
use model_gateway::config::Mode;
use reqwest::{Client, redirect::Policy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
    time::timeout,
};

/// A gateway before an upstream that answers its one request with what the test sends, byte for byte; its connection
/// ends when the test lets go.
async fn saying() -> (At, mpsc::UnboundedSender<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (says, mut said) = mpsc::unbounded_channel::<Vec<u8>>();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            stream.read_buf(&mut request).await.unwrap();
        }
        stream.set_nodelay(true).unwrap();
        while let Some(bytes) = said.recv().await {
            stream.write_all(&bytes).await.unwrap();
        }
    });
    (
        gateway(Some(format!("http://{at}/v1")), Mode::Replay, None).await,
        says,
    )
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n";

#[tokio::test]
async fn bytes_pass_as_they_came_wherever_they_were_cut() {
    let text = "\u{feff}data: {\"content\":\"\u{e4}\u{1f600}\"}\r\n\r\n: keep-alive\n\nevent: x\ndata:1\n\nerror: {}\n\ntrailing garbage {";
    let with_nul = [text.as_bytes(), b"\0\xff\xfe"].concat();
    for size in [1, 2, 3, 7, with_nul.len()] {
        let (at, says) = saying().await;
        says.send(format!("{CHUNKED}\r\n").into()).unwrap();
        for piece in with_nul.chunks(size) {
            says.send(chunk(piece)).unwrap();
        }
        says.send(b"0\r\n\r\n".to_vec()).unwrap();
        let answer = at.ask("m", true, HELLO).await;
        // No type is added, and no other header.
        let names: Vec<_> = answer.headers().keys().map(|name| name.as_str()).collect();
        assert!(
            names
                .iter()
                .all(|name| ["date", "transfer-encoding"].contains(name)),
            "{names:?}"
        );
        assert_eq!(answer.bytes().await.unwrap(), with_nul, "{size}");
    }
}

#[tokio::test]
async fn comments_pass_when_they_come() {
    let (at, says) = saying().await;
    says.send(format!("{CHUNKED}content-type: text/event-stream\r\n\r\n").into())
        .unwrap();
    let mut chunks = at.ask("m", true, HELLO).await.bytes_stream();
    for n in 0..5 {
        let comment = format!(": waiting {n}\n\n");
        says.send(chunk(comment.as_bytes())).unwrap();
        let passed = timeout(LONG, chunks.next()).await.unwrap();
        assert_eq!(passed.unwrap().unwrap(), comment);
    }
    // Half an event too: nobody waits for its end.
    says.send(chunk(b"data: {\"cho")).unwrap();
    let passed = timeout(LONG, chunks.next()).await.unwrap();
    assert_eq!(passed.unwrap().unwrap(), "data: {\"cho");
}

#[tokio::test]
async fn an_end_that_comes_early_is_no_end() {
    for head in [CHUNKED, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n"] {
        let (at, says) = saying().await;
        says.send(format!("{head}\r\n").into()).unwrap();
        let first = match head {
            CHUNKED => chunk(b"data: 1\n\n"),
            _ => b"data: 1\n\n".to_vec(),
        };
        says.send(first).unwrap();
        let mut chunks = at.ask("m", true, HELLO).await.bytes_stream();
        let passed = timeout(LONG, chunks.next()).await.unwrap();
        assert_eq!(passed.unwrap().unwrap(), "data: 1\n\n");
        drop(says);
        let broken = timeout(LONG, chunks.next()).await.unwrap();
        assert!(is_reset(&broken.unwrap().unwrap_err()), "{head}");
    }
}

#[tokio::test]
async fn what_comes_after_the_end_is_nobodys() {
    let (at, says) = saying().await;
    let answer =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}garbage";
    says.send(answer.into()).unwrap();
    let answer = at.ask("m", true, HELLO).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.text().await.unwrap(), "{}");

    // One whose end is the connection's is whole all the same.
    let (at, says) = saying().await;
    says.send(b"HTTP/1.0 200 OK\r\nx-from: far\r\n\r\ndata: 1\n\n".to_vec())
        .unwrap();
    drop(says);
    let answer = at.ask("m", true, HELLO).await;
    assert_eq!(answer.headers()["x-from"], "far");
    assert_eq!(answer.text().await.unwrap(), "data: 1\n\n");
}

#[tokio::test]
async fn a_version_in_the_address_is_asked_for_unless_the_client_asks_for_something() {
    let models = get(async |uri: Uri| uri.to_string());
    let upstream = listen(Router::new().route("/v1/models", models)).await;
    let base = Some(format!("http://{upstream}/v1?version=1"));
    let at = gateway(base, Mode::Replay, None).await;
    for (asked, passed) in [("", "?version=1"), ("?limit=5", "?limit=5")] {
        let url = format!("http://{}/v1/models{asked}", at.address);
        let answer = at.client.get(url).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), format!("/v1/models{passed}"));
    }
}

#[tokio::test]
async fn a_redirect_is_the_clients_to_follow() {
    const ELSEWHERE: [(&str, &str); 1] = [("location", "/v1/elsewhere")];
    let redirects = async || (StatusCode::TEMPORARY_REDIRECT, ELSEWHERE);
    let upstream = Router::new()
        .route("/v1/chat/completions", post(redirects))
        .route("/v1/elsewhere", post(async || "followed"));
    let base = Some(format!("http://{}/v1", listen(upstream).await));
    let at = gateway(base, Mode::Replay, None).await;
    let client = Client::builder().no_proxy().redirect(Policy::none());
    let client = client.build().unwrap();
    let answer = At { client, ..at }.ask("m", true, HELLO).await;
    assert_eq!(answer.status(), 307);
    assert_eq!(answer.headers()["location"], "/v1/elsewhere");
}
