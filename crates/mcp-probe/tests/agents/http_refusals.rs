//! Servers over HTTP that cannot be had.

use std::time::Duration;

use agent_tools::{Limits, ToolsError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    SECRET,
    http::toolset_of,
    http_stub::{self, called, server},
    over_http, tools,
};

/// Answers every request with the same, and tells how often it was asked.
pub(crate) async fn stub(answer: String) -> (String, tokio::sync::watch::Receiver<u32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let (count, counted) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            count.send_modify(|count| *count += 1);
            let mut request = [0; 8192];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, counted)
}

pub(crate) fn answer(status: &str, more: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Far longer than an answer takes.
const LONG: Duration = Duration::from_secs(60);

async fn refusal(url: &str, start: Duration) -> ToolsError {
    let (tools, _dir) = tools(Limits {
        start,
        ..Limits::default()
    });
    let mut server = over_http(url, &[("X-Key", "${TOKEN}")]);
    server.query_params = [("t".to_owned(), "${TOKEN}".to_owned())].into();
    let told = tools.list(&toolset_of(server)).await.unwrap_err();
    assert!(told.message.contains("MCP server bad"), "{told}");
    assert!(!told.message.contains("s3cret"), "{told}");
    told
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let challenge = "www-authenticate: Bearer\r\n";
    let html = "content-type: text/html\r\n";
    for (answer, transient, why) in [
        (
            answer("401 Unauthorized", challenge, ""),
            false,
            "refuses us",
        ),
        (answer("401 Unauthorized", "", "no"), false, "refuses us"),
        (answer("403 Forbidden", "", "no"), false, "refuses us"),
        (
            answer("404 Not Found", html, "<p>no"),
            false,
            "nothing is there",
        ),
        (
            answer("405 Method Not Allowed", "", ""),
            false,
            "does not speak MCP",
        ),
        (
            answer("200 OK", html, "<p>hello"),
            false,
            "does not speak MCP",
        ),
        (
            answer("200 OK", "content-type: application/json\r\n", "{}"),
            false,
            "does not speak MCP",
        ),
        (
            answer("503 Service Unavailable", "", ""),
            true,
            "is in trouble",
        ),
        (
            answer("429 Too Many Requests", "", ""),
            true,
            "is in trouble",
        ),
        (String::new(), true, "cannot be reached"),
    ] {
        let (url, _) = stub(answer.clone()).await;
        let told = refusal(&url, LONG).await;
        assert_eq!(told.is_transient(), transient, "{answer}: {told}");
        assert!(
            told.message.contains(why) && told.message.contains(&format!("({url})")),
            "{answer}: {told}"
        );
    }
}

#[tokio::test]
async fn nobody_there_and_nobody_answering_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://user:{SECRET}@{}/mcp",
        listener.local_addr().unwrap()
    );
    let short = Duration::from_millis(500);
    let told = refusal(&url.replace(SECRET, "word"), short).await;
    assert!(
        told.is_transient() && told.message.contains("did not answer within 500ms"),
        "{told}"
    );
    assert!(!told.message.contains("word"), "{told}");
    drop(listener);
    let told = refusal(&url.replace(SECRET, "word"), LONG).await;
    assert!(
        told.is_transient() && told.message.contains("cannot be reached"),
        "{told}"
    );
    assert!(!told.message.contains("word"), "{told}");
}

#[tokio::test]
async fn addresses_and_headers_that_are_none_are_refused() {
    let (tools, _dir) = tools(Limits::default());
    for (url, header, why) in [
        (
            "ftp://x/mcp",
            ("A", "b"),
            "must begin with http:// or https://",
        ),
        ("no url", ("A", "b"), "its url"),
        ("http://${NOPE}/mcp", ("A", "b"), "${NOPE} has no value"),
        (
            "http://127.0.0.1:1/mcp",
            ("A", "${NOPE}"),
            "its header A: ${NOPE} has no value",
        ),
        (
            "http://127.0.0.1:1/mcp",
            ("A", "a\u{7f}${TOKEN}"),
            "characters that no header can carry",
        ),
        (
            "http://127.0.0.1:1/mcp",
            ("A b", "c"),
            "is no name of a header",
        ),
        (
            "http://127.0.0.1:1/mcp",
            ("Accept", "c"),
            "its header Accept: is the protocol's own",
        ),
    ] {
        let told = tools
            .list(&toolset_of(over_http(url, &[header])))
            .await
            .unwrap_err();
        assert!(!told.is_transient() && told.message.contains(why), "{told}");
        assert!(!told.message.contains(SECRET), "{told}");
    }
}

#[tokio::test]
async fn a_redirect_does_not_get_the_headers() {
    let (target, asked) = stub(answer("404 Not Found", "", "")).await;
    let (url, _) = stub(answer(
        "307 Temporary Redirect",
        &format!("location: {target}?secret\r\n"),
        "",
    ))
    .await;
    let told = refusal(&url, LONG).await;
    let why = format!(
        "put where it is into its url: HTTP 307 Temporary Redirect leads to {target}, where"
    );
    assert!(
        !told.is_transient() && told.message.contains(&why),
        "{told}"
    );
    assert_eq!(*asked.borrow(), 0);
}

#[tokio::test]
async fn redirects_on_the_same_origin_are_followed_up_to_a_number() {
    for (status, most, ok) in [
        ("307 Temporary Redirect", 5, true),
        ("301 Moved Permanently", 5, true),
        ("308 Permanent Redirect", 6, false),
    ] {
        let url = server(move |head, _| {
            let line = head.lines().next().unwrap_or_default();
            let turns = line.matches("/x").count();
            let to = format!("location: /mcp{}\r\n", "/x".repeat(turns + 1));
            (turns < most).then(|| answer(status, &to, "").into_bytes())
        });
        let toolset = toolset_of(over_http(&url.await, &[]));
        if ok {
            assert_eq!(called(&toolset).await.text, "ok", "{status}");
        } else {
            let told = http_stub::refusal(&toolset).await;
            assert!(
                told.message.contains("more than 5 redirects lead nowhere"),
                "{told}"
            );
        }
    }
}
