//! Servers over HTTP that write what servers should not: as over standard streams nothing is lost by it.

use crate::http_stub::{EVENTS, JSON, READY, called, refusal, with_body, with_status};

#[tokio::test]
async fn handshakes_are_read_however_they_are_written() {
    let bare = r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":true}}"#;
    let message = |more: &str, result: &str| format!(r#"{{{more}"id":ID,"result":{result}}}"#);
    let proper = message("", READY);
    for (kind, body) in [
        (JSON, format!("\u{feff}{proper}")),
        (JSON, format!("[{proper}]")),
        (JSON, message(r#""error":null,"#, READY)),
        (JSON, message("", bare)),
        ("", proper.clone()),
        (EVENTS, format!("data: [{proper}]\n\n")),
        (
            EVENTS,
            format!("event: ping\ndata: {{}}\n\ndata: hello\n\ndata: {proper}\n\n"),
        ),
        (
            EVENTS,
            format!(
                "data: {{\"method\":\"notifications/x\"}}\n\ndata: {}",
                message("", bare)
            ),
        ),
    ] {
        let outcome = called(&with_body("initialize", kind, body.clone()).await).await;
        assert_eq!(outcome.text, "ok", "{body}");
    }
}

#[tokio::test]
async fn answers_are_read_however_they_are_written() {
    let result = |text: &[u8]| {
        let before = br#"{"id":ID,"result":{"content":[{"type":"text","text":""#;
        [before, text, br#""}]}}"#].concat()
    };
    let progress = br#"{"method":"notifications/progress","params":{"progressToken":"x"}}"#;
    for (body, text) in [
        (result(b"a"), "a"),
        (result(b"a\xffb"), "a\u{fffd}b"),
        (result(b"a\tb"), "a\tb"),
        (result(b"a\\ud800b"), "a\u{fffd}b"),
        ([b"\xEF\xBB\xBF", result(b"a").as_slice()].concat(), "a"),
        ([b"[", result(b"a").as_slice(), b"]"].concat(), "a"),
        (
            [b"[", progress.as_slice(), b",", &result(b"a"), b"]"].concat(),
            "a",
        ),
        (br#"{"id":"ID","result":"a","error":null}"#.to_vec(), "a"),
        (
            br#"{"id":ID,"result":{"structuredContent":{"x":NaN}}}"#.to_vec(),
            r#"{"x":null}"#,
        ),
    ] {
        let shown = String::from_utf8_lossy(&body).into_owned();
        let plain = called(&with_body("tools/call", JSON, body.clone()).await).await;
        assert_eq!(
            (plain.failed, plain.text.as_str()),
            (false, text),
            "{shown}"
        );
        let event = [b"event: ping\ndata: {}\n\ndata: ", body.as_slice()].concat();
        let event = called(&with_body("tools/call", EVENTS, event).await).await;
        assert_eq!(
            (event.failed, event.text.as_str()),
            (false, text),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_nobody_can_read_came_all_the_same() {
    let left_out = |why: &str| format!("[left out: the answer cannot be read: {why}");
    for (body, why) in [
        (
            format!(r#"{{"id":ID,"result":"{}"}}"#, "x".repeat(17 << 20)),
            "it takes more than 16 MiB; the call was made]",
        ),
        (r#"{"id":ID,"result":{"content":[}"#.to_owned(), "expected"),
    ] {
        for kind in [JSON, EVENTS] {
            let data = if kind == EVENTS { "data: " } else { "" };
            let body = format!("{data}{body}");
            let outcome = called(&with_body("tools/call", kind, body).await).await;
            assert!(
                !outcome.failed && outcome.text.starts_with(&left_out(why)),
                "{kind}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_refusal_of_a_call_is_told_in_the_servers_words() {
    let sdk = r#"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Missing session"}}"#;
    let told = "the MCP server bad refused the call: ";
    for (status, kind, body, text) in [
        ("200 OK", JSON, r#"{"id":ID,"error":"no"}"#, "no (-32603)"),
        (
            "200 OK",
            JSON,
            r#"{"id":null,"error":{"code":"E1","message":"no"}}"#,
            "no (-32603)",
        ),
        (
            "200 OK",
            JSON,
            r#"{"id":ID,"error":{"code":-5}}"#,
            r#"{"code":-5} (-5)"#,
        ),
        (
            "200 OK",
            EVENTS,
            "data: {\"id\":\"server-error\",\"error\":\"no\"}",
            "no (-32603)",
        ),
        (
            "400 Bad Request",
            JSON,
            sdk,
            "HTTP 400 Bad Request: Missing session (-32600)",
        ),
        (
            "404 Not Found",
            JSON,
            sdk,
            "HTTP 404 Not Found: Missing session (-32600)",
        ),
        (
            "500 Internal Server Error",
            JSON,
            r#"{"id":null,"error":{"code":1,"message":"no","data":"column x"}}"#,
            "HTTP 500 Internal Server Error: no (1): column x",
        ),
    ] {
        let outcome = called(&with_status("tools/call", status, kind, body).await).await;
        let text = format!("{told}{text}");
        assert_eq!((outcome.failed, outcome.text), (true, text), "{body}");
    }
    for (status, body, text) in [
        (
            "500 Internal Server Error",
            "<p>the disk is full",
            "HTTP 500 Internal Server Error: <p>the disk is full",
        ),
        (
            "429 Too Many Requests",
            "slowly",
            "HTTP 429 Too Many Requests: slowly",
        ),
        ("404 Not Found", "", "HTTP 404 Not Found"),
        ("202 Accepted", "", "HTTP 202 Accepted without an answer"),
        (
            "200 OK",
            "<p>hello",
            "HTTP 200 OK without an answer: <p>hello",
        ),
        (
            "200 OK",
            r#"{"id":77,"result":1}"#,
            r#"HTTP 200 OK without an answer: {"id":77,"result":1}"#,
        ),
    ] {
        let outcome = called(&with_status("tools/call", status, "", body).await).await;
        let text = format!("the MCP server bad answered {text}");
        assert_eq!((outcome.failed, outcome.text), (true, text), "{status}");
    }
}

#[tokio::test]
async fn a_refusal_of_the_handshake_is_told_in_the_servers_words() {
    let sdk = r#"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Not Acceptable"}}"#;
    for (status, body, why) in [
        (
            "406 Not Acceptable",
            sdk,
            "does not speak MCP (streamable HTTP): HTTP 406 Not Acceptable: Not Acceptable (-32600)",
        ),
        (
            "404 Not Found",
            sdk,
            "check its url: HTTP 404 Not Found: Not Acceptable (-32600)",
        ),
        (
            "503 Service Unavailable",
            "soon",
            "is in trouble: HTTP 503 Service Unavailable: soon",
        ),
        (
            "200 OK",
            sdk,
            "refuses to be asked: Not Acceptable (-32600)",
        ),
        (
            "200 OK",
            r#"{"id":ID,"result":{}}"#,
            "its first answer is {}",
        ),
        ("202 Accepted", "", "HTTP 202 Accepted without an answer"),
    ] {
        let told = refusal(&with_status("initialize", status, JSON, body).await).await;
        assert!(told.message.ends_with(why), "{told}");
    }
}

#[tokio::test]
async fn a_notification_that_is_refused_loses_nothing() {
    let method = "notifications/initialized";
    for status in ["400 Bad Request", "500 Internal Server Error"] {
        let outcome = called(&with_status(method, status, "", "no").await).await;
        assert_eq!(outcome.text, "ok", "{status}");
    }
}

#[tokio::test]
async fn so_much_of_a_refusal_is_read_and_no_more() {
    let error = r#"{"error":"no"}"#;
    for (more, text) in [
        (0, "refused the call: HTTP 400 Bad Request: no (-32603)"),
        (1, "answered HTTP 400 Bad Request: {\"error\":\"no\""),
    ] {
        let spaces = " ".repeat((64 << 10) - error.len() + more);
        let body = format!("{spaces}{error}");
        let toolset = with_status("tools/call", "400 Bad Request", JSON, body).await;
        let outcome = called(&toolset).await;
        assert_eq!(outcome.text, format!("the MCP server bad {text}"));
    }
}
