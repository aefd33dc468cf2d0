//! Servers that speak HTTP as MCP did before 2025-03-26: one stream of events, and an address for what is said to them.

use agent_tools::{Limits, ToolOutcome, Toolset};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::{io::AsyncWriteExt, net::TcpListener, sync::mpsc};

use crate::{
    call,
    http::toolset_of,
    http_refusals::answer,
    http_stub::{EVENTS, READY, called, refusal, request},
    over_http, tools,
};

/// A call is refused where answers come.
const IN_THE_STREAM: &str = "in the stream";

/// What a legacy server does, and what it saw.
#[derive(Clone, Default)]
struct Legacy {
    /// How it refuses the handshake of today.
    refuses: &'static str,
    /// How it answers who asks for its stream where it opens none: a status and headers.
    to_the_stream: Option<(&'static str, &'static str)>,
    /// What it calls the address; `PORT` is its own.
    endpoint: &'static str,
    /// The status by which it refuses a call, with 202 its stream ends without an answer; or [`IN_THE_STREAM`].
    to_a_call: Option<&'static str>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Legacy {
    fn new() -> Self {
        Self {
            refuses: "405 Method Not Allowed",
            endpoint: "/messages?session=1",
            ..Self::default()
        }
    }

    /// What is said of a message in the stream; `None` ends it.
    fn said(&self, message: &Value) -> Option<String> {
        let result = match message["method"].as_str() {
            Some("initialize") => READY.to_owned(),
            Some("tools/list") => json!({"tools": [{"name": "do", "inputSchema": {}}]}).to_string(),
            Some("tools/call") if self.to_a_call == Some(IN_THE_STREAM) => {
                let id = &message["id"];
                let error = r#"{"code":-32000,"message":"no room"}"#;
                return Some(format!("data: {{\"id\":{id},\"error\":{error}}}\n\n"));
            }
            Some("tools/call") if self.to_a_call.is_some() => return None,
            Some("tools/call") => json!({"content": [{"type": "text", "text": "ok"}]}).to_string(),
            _ => return Some(": heard\n\n".to_owned()),
        };
        let id = &message["id"];
        Some(format!(
            "event: message\r\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}\r\n\r\n"
        ))
    }

    async fn start(&self) -> Toolset {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (legacy, open) = (self.clone(), Arc::new(Mutex::new(None)));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (legacy, open) = (legacy.clone(), open.clone());
                tokio::spawn(async move {
                    let (head, message) = request(&mut stream).await;
                    legacy.heads.lock().unwrap().push(head.to_lowercase());
                    let is_stream = head.starts_with("GET /sse ");
                    if let (true, Some((status, more))) = (is_stream, legacy.to_the_stream) {
                        let written = answer(status, more, ": no\n\n");
                        let _ = stream.write_all(written.as_bytes()).await; // who asked may be gone
                        return;
                    }
                    if is_stream {
                        let (tell, mut told) = mpsc::unbounded_channel::<String>();
                        *open.lock().unwrap() = Some(tell);
                        let endpoint = legacy.endpoint.replace("PORT", &port.to_string());
                        let begin = format!(
                            "HTTP/1.1 200 OK\r\n{EVENTS}connection: close\r\n\r\nevent: endpoint\ndata: {endpoint}\n\n"
                        );
                        stream.write_all(begin.as_bytes()).await.unwrap();
                        while let Some(text) = told.recv().await {
                            let _ = stream.write_all(text.as_bytes()).await; // as above
                        }
                        return;
                    }
                    let written = if !head.starts_with("POST /messages?session=1 ") {
                        answer(legacy.refuses, "", "")
                    } else if let Some(text) = legacy.said(&message) {
                        let open = open.lock().unwrap();
                        let _ = open.as_ref().map(|tell| tell.send(text));
                        answer("202 Accepted", "", "Accepted")
                    } else {
                        let status = legacy.to_a_call.unwrap_or_default();
                        if status.starts_with("202") {
                            open.lock().unwrap().take();
                        }
                        answer(status, "", "no room")
                    };
                    let _ = stream.write_all(written.as_bytes()).await; // as above
                });
            }
        });
        let url = format!("http://127.0.0.1:{port}/sse");
        toolset_of(over_http(&url, &[("Authorization", "Bearer ${TOKEN}")]))
    }

    async fn called(&self) -> ToolOutcome {
        called(&self.start().await).await
    }
}

#[tokio::test]
async fn a_server_of_before_is_listed_and_called_however_it_refuses_the_newer_way() {
    for refuses in [
        "400 Bad Request",
        "404 Not Found",
        "405 Method Not Allowed",
        "501 Not Implemented",
    ] {
        let legacy = Legacy {
            refuses,
            ..Legacy::new()
        };
        let outcome = legacy.called().await;
        assert_eq!((outcome.failed, outcome.text.as_str()), (false, "ok"));
        // What leads into it goes with the stream and with all that is said.
        let heads = legacy.heads.lock().unwrap();
        let with_token = |head: &&String| head.contains("authorization: bearer s3cret");
        assert!(heads.len() > 4, "{heads:#?}");
        assert_eq!(heads.iter().filter(with_token).count(), heads.len());
    }
}

#[tokio::test]
async fn an_address_may_be_whole_and_is_never_elsewhere() {
    let whole = "http://127.0.0.1:PORT/messages?session=1";
    for (endpoint, taken) in [
        (whole, true),
        ("messages?session=1", true),
        ("http://127.0.0.1:1/messages?session=1", false),
        ("//localhost:PORT/messages?session=1", false),
    ] {
        let legacy = Legacy {
            endpoint,
            ..Legacy::new()
        };
        let toolset = legacy.start().await;
        if taken {
            assert_eq!(called(&toolset).await.text, "ok", "{endpoint}");
        } else {
            let told = refusal(&toolset).await.message;
            let elsewhere = [
                "its endpoint leads to http://",
                "; have the server name its public address",
            ];
            assert!(elsewhere.iter().all(|words| told.contains(words)), "{told}");
            let heads = legacy.heads.lock().unwrap();
            assert!(!heads.iter().any(|head| head.contains("/messages")));
        }
    }
}

#[tokio::test]
async fn why_there_is_no_stream_is_told_where_it_says_more() {
    let moved = "location: http://127.0.0.1:1/sse\r\n";
    let elsewhere = "put where it is into its url: HTTP 307";
    let ended = "/sse): its stream of events ended before it named the address";
    // It knows the older way no more than the newer one.
    let neither = "does not speak MCP (streamable HTTP): HTTP 405 Method Not Allowed";
    for (status, more, transient, why) in [
        (
            "401 Unauthorized",
            "",
            false,
            "refuses us: check its headers",
        ),
        ("403 Forbidden", "", false, "refuses us: check its headers"),
        ("429 Too Many Requests", "", true, "is in trouble: HTTP 429"),
        (
            "503 Service Unavailable",
            "",
            true,
            "is in trouble: HTTP 503",
        ),
        ("307 Temporary Redirect", moved, false, elsewhere),
        ("200 OK", EVENTS, false, ended),
        ("404 Not Found", "", false, neither),
        ("405 Method Not Allowed", "", false, neither),
        ("406 Not Acceptable", "", false, neither),
        ("200 OK", "content-type: text/html\r\n", false, neither),
    ] {
        let legacy = Legacy {
            to_the_stream: Some((status, more)),
            ..Legacy::new()
        };
        let told = refusal(&legacy.start().await).await;
        assert_eq!(told.is_transient(), transient, "{told}");
        assert!(told.message.contains(why), "{told}");
    }
}

#[tokio::test]
async fn a_refused_call_and_a_stream_that_ends_are_told_at_once() {
    for (to_a_call, text) in [
        (
            "503 Service Unavailable",
            "HTTP 503 Service Unavailable: no room",
        ),
        ("202 Accepted", "the MCP server bad did not answer"),
        (IN_THE_STREAM, "refused the call: no room (-32000)"),
    ] {
        let legacy = Legacy {
            to_a_call: Some(to_a_call),
            ..Legacy::new()
        };
        let outcome = legacy.called().await;
        assert!(
            outcome.failed && outcome.text.contains(text),
            "{to_a_call}: {outcome:?}"
        );
    }
}

/// One that has gone and come again has another stream.
#[tokio::test]
async fn a_stream_that_ended_is_opened_anew_by_the_next_call() {
    let legacy = Legacy {
        to_a_call: Some("202 Accepted"),
        ..Legacy::new()
    };
    let toolset = legacy.start().await;
    let (tools, _dir) = tools(Limits::default());
    for _ in 0..2 {
        let outcome = call(&tools, &toolset, "do", json!({})).await;
        assert!(outcome.failed, "{outcome:?}");
    }
    tools.close("aex_1").await;
    let heads = legacy.heads.lock().unwrap();
    let streams = heads.iter().filter(|head| head.starts_with("get /sse "));
    assert_eq!(streams.count(), 2);
}
