//! A gateway on a free port, what stands behind it, and a client.

#![allow(dead_code, reason = "each test has its own copy and needs some of it")]

pub(crate) mod echo;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::Router;
use model_gateway::{
    config::{Listen, Mode, Serve},
    connection::{Connection, Listener},
    gateway::Gateway,
    serve::router,
};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Far longer than anything here takes; a test that waits so long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A conversation that asks for nothing in particular.
pub(crate) const HELLO: &[(&str, &str)] = &[("user", "hello")];

/// Serves on a free port.
pub(crate) async fn listen(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<Connection>();
    tokio::spawn(axum::serve(Listener(listener), service).into_future());
    address
}

/// A gateway and a client of it.
pub(crate) struct At {
    pub(crate) address: SocketAddr,
    pub(crate) client: Client,
}

/// How a gateway is told to be.
pub(crate) fn told(upstream: Option<String>, mode: Mode, exchanges: Option<&Path>) -> Serve {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Serve {
        listen: Listen {
            host: [127, 0, 0, 1].into(),
            port: 0,
            announce_file: None,
        },
        upstream,
        mode,
        exchanges: exchanges.map(Path::to_owned),
    }
}

/// A gateway that is there.
pub(crate) async fn gateway_of(gateway: Gateway) -> At {
    let address = listen(router(Arc::new(gateway))).await;
    let client = Client::builder().no_proxy().build().unwrap();
    At { address, client }
}

/// A gateway.
pub(crate) async fn gateway(upstream: Option<String>, mode: Mode, exchanges: Option<&Path>) -> At {
    gateway_of(Gateway::new(&told(upstream, mode, exchanges)).unwrap()).await
}

/// A gateway without a model.
pub(crate) async fn alone() -> At {
    gateway(None, Mode::Replay, None).await
}

impl At {
    /// Asks for anything; the status and the JSON, null if it is none.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        let request = self
            .client
            .request(method, format!("http://{}{path}", self.address));
        let answer = request.json(&body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(Method::PUT, path, body).await;
        assert_eq!(status, 201, "{answer}");
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.call(Method::GET, path, Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Asks `model` with messages of (role, content).
    pub(crate) async fn ask(
        &self,
        model: &str,
        stream: bool,
        messages: &[(&str, &str)],
    ) -> Response {
        let messages = messages
            .iter()
            .map(|(role, content)| json!({ "role": role, "content": content }));
        let body =
            json!({ "model": model, "stream": stream, "messages": messages.collect::<Vec<_>>() });
        self.send(body).await.unwrap()
    }

    /// Sends a chat completion.
    pub(crate) async fn send(&self, body: Value) -> reqwest::Result<Response> {
        let url = format!("http://{}/v1/chat/completions", self.address);
        let request = self.client.post(url).bearer_auth("my-very-secret-key");
        request.json(&body).send().await
    }
}

/// The events of a stream, parsed; `[DONE]` as a string.
pub(crate) async fn events(answer: Response) -> Vec<Value> {
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    parsed(&answer.text().await.unwrap())
}

/// The events of a text.
pub(crate) fn parsed(text: &str) -> Vec<Value> {
    let events = text.split("\n\n").filter(|event| !event.is_empty());
    let data = events.map(|event| event.strip_prefix("data: ").unwrap());
    let parse = |data: &str| match data {
        "[DONE]" => json!("[DONE]"),
        data => serde_json::from_str(data).unwrap_or_else(|_| json!({ "garbage": data })),
    };
    data.map(parse).collect()
}

/// The lines of a file of exchanges once there are so many. Nobody tells when one is written: it is as soon as the
/// gateway sees how an exchange ended.
pub(crate) async fn lines(file: &Path, count: usize) -> Vec<Value> {
    let lines = async {
        loop {
            let text = std::fs::read_to_string(file).unwrap();
            if text.lines().count() >= count {
                let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
                return lines.collect();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, lines).await.unwrap()
}

/// Sends the beginning of a request, whose end does not come, and reads what is said to it.
pub(crate) async fn begun(address: SocketAddr, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{head}\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut said = Vec::new();
    let read = tokio::time::timeout(LONG, stream.read_to_end(&mut said));
    read.await.unwrap().unwrap();
    String::from_utf8(said).unwrap()
}

/// The words of events.
pub(crate) fn text(events: &[Value]) -> String {
    let deltas = events
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str());
    deltas.collect()
}

/// Whether a connection was reset, which is more than that it was closed.
pub(crate) fn is_reset(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionReset) {
            return true;
        }
        cause = error.source();
    }
    false
}
