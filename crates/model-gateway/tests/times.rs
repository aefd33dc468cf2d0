//! Limits that are times. The clock is the runtime's, which lets it go on when all wait, so nothing here takes long.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::{
    future::{Future, pending},
    time::Duration,
};

use axum::{Router, routing::get};
use common::{HELLO, alone, gateway};
use model_gateway::{
    config::{Listen, Mode},
    forward::CONNECT,
    listen::{DRAIN, serve},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::oneshot,
    time::{Instant, sleep},
};

/// What came of it, and how long that took, to the second.
async fn timed<T>(work: impl Future<Output = T>) -> (T, u64) {
    let begun = Instant::now();
    let done = work.await;
    (done, begun.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_test_waits_for_a_minute_at_most() {
    let at = alone().await;
    at.put("/scripts/k", json!({ "answers": [{ "text": "a" }] }))
        .await;
    for (asked, waits) in [
        ("&seconds=59", 59),
        ("&seconds=60", 60),
        ("&seconds=61", 60),
        ("", 60),
    ] {
        let path = format!("/scripts/k/wait?requests=1{asked}");
        let ((status, report), took) = timed(at.call(Method::GET, &path, Value::Null)).await;
        assert_eq!((status.as_u16(), took), (504, waits), "{asked}: {report}");
        // There is what there is.
        assert_eq!(report["unused"].as_array().unwrap().len(), 1, "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_takes_no_connection_is_given_up() {
    // The kernel takes one connection for it, and answers no other.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let model = socket.listen(0).unwrap();
    let address = model.local_addr().unwrap();
    for _ in 0..4 {
        tokio::spawn(async move {
            let _taken = TcpStream::connect(address).await;
            pending::<()>().await;
        });
    }
    let at = gateway(Some(format!("http://{address}/v1")), Mode::Live, None).await;
    let (answer, took) = timed(at.ask("gpt", false, HELLO)).await;
    assert_eq!((answer.status().as_u16(), took), (502, CONNECT.as_secs()));
    let error: Value = answer.json().await.unwrap();
    let why = error["error"]["message"].as_str().unwrap();
    assert!(why.contains("cannot be reached"), "{error}");
}

/// A server whose answer comes after so long a time, told to end while it is on its way; how long the end took, and
/// what the client read.
async fn ended(answer: Duration) -> (u64, String) {
    let folder = tempfile::tempdir().unwrap();
    let announced = folder.path().join("address");
    let listen = Listen {
        host: [127, 0, 0, 1].into(),
        port: 0,
        announce_file: Some(announced.clone()),
    };
    let (begin, begun) = oneshot::channel();
    let begin = std::sync::Mutex::new(Some(begin));
    let begin = std::sync::Arc::new(begin);
    let slow = move || {
        let begin = begin.lock().unwrap().take();
        async move {
            begin.unwrap().send(()).unwrap();
            sleep(answer).await;
            "all of it"
        }
    };
    let router = Router::new().route("/", get(slow));
    let (stop, asked) = oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        let asked = async {
            asked.await.unwrap();
        };
        serve(&listen, router, asked, || {}).await
    });
    let address = loop {
        match std::fs::read_to_string(&announced) {
            Ok(address) => break address,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let mut client = TcpStream::connect(address).await.unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    begun.await.unwrap();
    stop.send(()).unwrap();
    let (end, took) = timed(serving).await;
    end.unwrap().unwrap();
    // What is cut goes with the runtime of the process.
    let read = async {
        let mut said = String::new();
        client.read_to_string(&mut said).await.unwrap();
        said
    };
    let said = tokio::time::timeout(Duration::from_millis(1), read).await;
    (took, said.unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn answers_on_their_way_may_end_and_are_not_waited_for_longer() {
    let second = Duration::from_secs(1);
    let (took, said) = ended(DRAIN - second).await;
    assert_eq!(took, (DRAIN - second).as_secs());
    assert!(said.ends_with("all of it"), "{said}");
    let (took, said) = ended(DRAIN + second).await;
    assert_eq!(took, DRAIN.as_secs());
    assert_eq!(said, "");
}
