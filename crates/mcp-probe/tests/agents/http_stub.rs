//! Servers over HTTP that write what a test says.

use std::{sync::Arc, time::Duration};

use agent_tools::{Limits, ToolOutcome, ToolsError, Toolset};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{call, http::toolset_of, http_refusals::answer, over_http, tools};

pub(crate) const JSON: &str = "content-type: application/json\r\n";
pub(crate) const EVENTS: &str = "content-type: text/event-stream\r\n";
pub(crate) const READY: &str = r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"x","version":"1"}}"#;

/// A server that writes what `answers` says to each head and its message; none: as it should be.
pub(crate) async fn server(
    answers: impl Fn(&str, &Value) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let answers = Arc::new(answers);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answers = answers.clone();
            tokio::spawn(async move {
                let (head, message) = request(&mut stream).await;
                let written = answers(&head, &message).unwrap_or_else(|| proper(&message));
                let _ = stream.write_all(&written).await; // who has heard enough is gone
            });
        }
    });
    url
}

/// The head and the message of a request.
pub(crate) async fn request(stream: &mut TcpStream) -> (String, Value) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                let is = name.eq_ignore_ascii_case("content-length");
                is.then(|| value.parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                let message = serde_json::from_str(body).unwrap_or_default();
                return (head.to_owned(), message);
            }
        }
        match stream.read(&mut chunk).await {
            Ok(count @ 1..) => bytes.extend(&chunk[..count]),
            _ => return (String::new(), Value::Null),
        }
    }
}

fn proper(message: &Value) -> Vec<u8> {
    let tool = r#"{"tools":[{"name":"do","inputSchema":{"type":"object"}}]}"#;
    let body = match message["method"].as_str() {
        Some("initialize") => with_id(r#"{"jsonrpc":"2.0","id":ID,"result":RESULT}"#, message)
            .replace("RESULT", READY),
        Some("tools/list") => {
            with_id(r#"{"jsonrpc":"2.0","id":ID,"result":RESULT}"#, message).replace("RESULT", tool)
        }
        Some("tools/call") => with_id(
            r#"{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"ok"}]}}"#,
            message,
        ),
        Some(_) => return answer("202 Accepted", "", "").into_bytes(),
        None => return answer("405 Method Not Allowed", "", "").into_bytes(),
    };
    answer("200 OK", JSON, &body).into_bytes()
}

fn with_id(text: &str, message: &Value) -> String {
    text.replace("ID", &message["id"].to_string())
}

/// A success with this body, whatever bytes it has.
fn success(kind: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\n{kind}content-length: {length}\r\nconnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A server that answers one method with a body in which `ID` is the id of what was asked.
pub(crate) async fn with_body(
    method: &'static str,
    kind: &'static str,
    body: impl Into<Vec<u8>>,
) -> Toolset {
    let body = body.into();
    let url = server(move |_, message| {
        (message["method"] == method).then(|| {
            let id = message["id"].to_string();
            let at = body.windows(2).position(|two| two == b"ID");
            let body = match at {
                Some(at) => [&body[..at], id.as_bytes(), &body[at + 2..]].concat(),
                None => body.clone(),
            };
            success(kind, &body)
        })
    });
    toolset_of(over_http(&url.await, &[]))
}

/// A server that answers one method with a status.
pub(crate) async fn with_status(
    method: &'static str,
    status: &'static str,
    kind: &'static str,
    body: impl Into<String>,
) -> Toolset {
    let body = body.into();
    let url = server(move |_, message| {
        let body = with_id(&body, message);
        (message["method"] == method).then(|| answer(status, kind, &body).into_bytes())
    });
    toolset_of(over_http(&url.await, &[]))
}

/// A call that is far from its limit.
pub(crate) async fn called(toolset: &Toolset) -> ToolOutcome {
    let (tools, _dir) = tools(Limits::default());
    let called = call(&tools, toolset, "do", json!({}));
    let outcome = tokio::time::timeout(Duration::from_secs(20), called).await;
    tools.close("aex_1").await;
    outcome.unwrap_or_else(|_| panic!("the call hangs"))
}

pub(crate) async fn refusal(toolset: &Toolset) -> ToolsError {
    let (tools, _dir) = tools(Limits::default());
    let told = tools.list(toolset).await.unwrap_err();
    tools.close("aex_1").await;
    told
}
