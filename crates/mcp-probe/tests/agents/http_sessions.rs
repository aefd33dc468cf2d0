//! Sessions at servers over HTTP, and calls whose connection does not last.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use agent_tools::{Limits, ToolOutcome};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{
    Http,
    http::toolset_of,
    http_refusals::answer,
    http_stub::{EVENTS, JSON, READY, called, server},
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

/// The answer to a handshake, which begins a session.
fn begun(message: &Value, session: usize) -> Vec<u8> {
    let id = &message["id"];
    let more = format!("{JSON}mcp-session-id: session-{session}\r\n");
    let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{READY}}}"#);
    answer("200 OK", &more, &body).into_bytes()
}

/// What comes of a call where a server refuses it in its first sessions, so many of them, and in which of them it came.
async fn refused(status: &'static str, words: &str, in_first: usize) -> (ToolOutcome, Vec<usize>) {
    let (words, sessions) = (words.to_owned(), AtomicUsize::new(0));
    let calls = Arc::new(Mutex::new(Vec::new()));
    let noted = calls.clone();
    let url = server(move |head, message| {
        if message["method"] == "initialize" {
            let session = sessions.fetch_add(1, Ordering::Relaxed);
            return Some(begun(message, session));
        }
        if message["method"] != "tools/call" {
            return None;
        }
        let mut lines = head.lines();
        let session = lines.find_map(|line| line.strip_prefix("mcp-session-id: session-"));
        let session: usize = session.unwrap().parse().unwrap();
        noted.lock().unwrap().push(session);
        (session < in_first).then(|| answer(status, "", &words).into_bytes())
    });
    let outcome = called(&toolset_of(over_http(&url.await, &[]))).await;
    let calls = calls.lock().unwrap().clone();
    (outcome, calls)
}

#[tokio::test]
async fn a_call_in_a_session_that_the_server_lost_is_made_once_more_in_another() {
    let bad = "400 Bad Request";
    for (status, words) in [
        ("404 Not Found", ""),
        (bad, "Invalid session ID"),
        (bad, "Bad Request: Server not initialized"),
        (bad, "session not found: 7"),
        (bad, "<p>Unknown Session"),
        (
            bad,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}}"#,
        ),
    ] {
        let (outcome, calls) = refused(status, words, 1).await;
        assert_eq!(outcome.text, "ok", "{words}");
        assert_eq!(calls, [0, 1], "{words}");
    }
    let (outcome, calls) = refused(bad, "Invalid session ID", 2).await;
    assert!(outcome.failed, "{outcome:?}");
    assert_eq!(calls, [0, 1]);
}

#[tokio::test]
async fn a_call_that_is_refused_for_another_reason_is_not_made_again() {
    for (status, words) in [
        ("400 Bad Request", "no such column"),
        ("500 Internal Server Error", "session not found"),
    ] {
        let (outcome, calls) = refused(status, words, 1).await;
        assert!(
            outcome.failed && outcome.text.contains(words),
            "{outcome:?}"
        );
        assert_eq!(calls, [0], "{words}");
    }
}

#[tokio::test]
async fn a_servers_own_stream_is_not_asked_for_at_once_when_it_ends() {
    let ended = answer("200 OK", EVENTS, "retry: 0\n\n");
    let broken = ended.replace("content-length: ", "content-length: 9");
    for stream in [ended, broken] {
        let opened = Arc::new(AtomicUsize::new(0));
        let counted = opened.clone();
        let url = server(move |head, message| {
            if head.starts_with("GET ") {
                counted.fetch_add(1, Ordering::Relaxed);
                return Some(stream.clone().into_bytes());
            }
            (message["method"] == "initialize").then(|| begun(message, 0))
        });
        let toolset = toolset_of(over_http(&url.await, &[]));
        let (tools, _dir) = tools(Limits::default());
        let began = Instant::now();
        said(&tools, &toolset, "do", json!({})).await;
        until("the stream", async || {
            (opened.load(Ordering::Relaxed) > 0).then_some(())
        })
        .await;
        // Each call takes milliseconds, as an opening does.
        let seen = Instant::now();
        while seen.elapsed() < Duration::from_millis(300) {
            said(&tools, &toolset, "do", json!({})).await;
        }
        let opened = opened.load(Ordering::Relaxed);
        let most = 2 + usize::try_from(began.elapsed().as_secs()).unwrap();
        assert!(opened <= most, "{opened} times");
        tools.close("aex_1").await;
    }
}
