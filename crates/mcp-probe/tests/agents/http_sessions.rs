//! Sessions at servers over HTTP, and calls whose connection does not last.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use agent_tools::Limits;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{
    Http,
    http::toolset_of,
    http_refusals::answer,
    http_stub::{EVENTS, called, server},
    over_http, said, tools, toolset, until,
};

/// The first line of a server's answer to whoever goes on with a session, which the header `session` names.
async fn goes_on(address: &str, session: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /mcp HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n{session}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.unwrap();
    line
}

#[tokio::test]
async fn a_session_ends_with_its_execution() {
    let (tools, dir) = tools(Limits::default());
    let probe = Http::start(dir.path(), "0").await;
    let toolset = toolset("aex_1", vec![probe.server("probe")]);
    let headers = said(&tools, &toolset, "headers", json!({})).await;
    let is_session = |line: &&str| line.starts_with("mcp-session-id: ");
    let session = headers.lines().find(is_session).unwrap();
    let open = goes_on(&probe.address, session).await;
    assert!(open.starts_with("HTTP/1.1 200 "), "{open}");
    tools.close("aex_1").await;
    until("the end of the session", async || {
        let ended = goes_on(&probe.address, session).await;
        ended.starts_with("HTTP/1.1 404 ").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_call_that_may_have_been_read_is_not_made_again() {
    let made = Arc::new(AtomicUsize::new(0));
    let counted = made.clone();
    let url = server(move |_, message| {
        (message["method"] == "tools/call").then(|| {
            counted.fetch_add(1, Ordering::Relaxed);
            Vec::new() // it hangs up
        })
    });
    let outcome = called(&toolset_of(over_http(&url.await, &[]))).await;
    assert!(outcome.failed, "{outcome:?}");
    assert_eq!(made.load(Ordering::Relaxed), 1, "{outcome:?}");
}

#[tokio::test]
async fn an_answer_whose_stream_breaks_off_is_taken_up_behind_the_last_event() {
    let asked = Mutex::new(Value::Null);
    let url = server(move |head, message| {
        let events = |body: &str| Some(answer("200 OK", EVENTS, body).into_bytes());
        if message["method"] == "tools/call" {
            *asked.lock().unwrap() = message["id"].clone();
            return events("id: the-last\nretry: 1\n\n");
        }
        if !head.contains("last-event-id: the-last") {
            return None;
        }
        let id = asked.lock().unwrap().clone();
        events(&format!("data: {{\"id\":{id},\"result\":\"kept\"}}\n\n"))
    });
    let outcome = called(&toolset_of(over_http(&url.await, &[]))).await;
    assert_eq!((outcome.failed, outcome.text.as_str()), (false, "kept"));
}
