//! Servers that are asked over HTTP.

use std::time::Duration;

use agent_tools::{Kit, Limits, ToolsError};
use serde_json::{Value, json};
use stigmer_api::agent::{HttpServer, mcp_server_definition::ServerType};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    process::Command,
};

use crate::{
    Http, PROBE, SECRET, call, calls::until_cancelled, definition, env, kit, over_http, said,
    tools, until,
};

fn kit_of(server: HttpServer) -> Kit {
    kit("aex_1", vec![definition("bad", ServerType::Http(server))])
}

#[tokio::test]
async fn headers_and_parameters_are_filled() {
    let (tools, dir) = tools(Limits::default());
    let probe = Http::start(dir.path(), "0").await;
    let mut server = over_http(
        &probe.url(),
        &[
            ("Authorization", "Bearer ${TOKEN}"),
            ("X-Region", "${WHERE}"),
        ],
    );
    server.query_params = [("a".to_owned(), "${WHERE} & more".to_owned())].into();
    server
        .query_params
        .insert("t".to_owned(), "${TOKEN}".to_owned());
    let mut kit = kit_of(server);
    kit.env = env(&[("WHERE", "eu-1")]);
    assert_eq!(tools.list(&kit).await.unwrap().len(), 13);
    assert_eq!(
        said(&tools, &kit, "add", json!({"a": 2, "b": 3})).await,
        "5"
    );
    let seen = said(&tools, &kit, "headers", json!({})).await;
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines[0], "/mcp?a=eu-1+%26+more&t=[redacted]");
    assert!(
        lines.contains(&"authorization: Bearer [redacted]"),
        "{seen}"
    );
    assert!(lines.contains(&"x-region: eu-1"), "{seen}");
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("mcp-session-id: ")),
        "{seen}"
    );
    tools.close("aex_1").await;
}

/// Answers every request with the same, and tells how often it was asked.
async fn stub(answer: String) -> (String, tokio::sync::watch::Receiver<u32>) {
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

fn answer(status: &str, more: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

async fn refusal(url: &str) -> ToolsError {
    let (tools, _dir) = tools(Limits {
        start: Duration::from_millis(500),
        ..Limits::default()
    });
    let mut server = over_http(url, &[("X-Key", "${TOKEN}")]);
    server.query_params = [("t".to_owned(), "${TOKEN}".to_owned())].into();
    let told = tools.list(&kit_of(server)).await.unwrap_err();
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
        let told = refusal(&url).await;
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
    let told = refusal(&url.replace(SECRET, "word")).await;
    assert!(
        told.is_transient() && told.message.contains("did not answer within 500ms"),
        "{told}"
    );
    assert!(!told.message.contains("word"), "{told}");
    drop(listener);
    let told = refusal(&url.replace(SECRET, "word")).await;
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
    ] {
        let told = tools
            .list(&kit_of(over_http(url, &[header])))
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
        &format!("location: {target}\r\n"),
        "",
    ))
    .await;
    let told = refusal(&url).await;
    assert!(
        !told.is_transient() && told.message.contains("307"),
        "{told}"
    );
    assert_eq!(*asked.borrow(), 0);
}

#[tokio::test]
async fn calls_that_take_too_long_or_that_nobody_waits_for_are_cancelled() {
    for by_timeout in [true, false] {
        let (tools, dir) = tools(Limits::default());
        let probe = Http::start(dir.path(), "0").await;
        let mut server = over_http(&probe.url(), &[]);
        server.timeout_seconds = if by_timeout { 1 } else { 30 };
        let kit = kit_of(server);
        tools.list(&kit).await.unwrap();
        let slow = call(&tools, &kit, "slow", json!({"ms": 60_000}));
        if by_timeout {
            let outcome = slow.await;
            assert!(
                outcome.failed && outcome.text.starts_with("timed out after 1s"),
                "{outcome:?}"
            );
        } else {
            let waited = tokio::time::timeout(Duration::from_millis(300), slow).await;
            assert!(waited.is_err());
        }
        until_cancelled(&tools, &kit).await;
        tools.close("aex_1").await;
    }
}

#[tokio::test]
async fn a_server_that_went_away_is_an_error_and_one_that_came_back_is_none() {
    let (tools, dir) = tools(Limits::default());
    let probe = Http::start(dir.path(), "0").await;
    let kit = kit_of(over_http(&probe.url(), &[]));
    let first = said(&tools, &kit, "pid", json!({})).await;
    let port = probe.address.rsplit(':').next().unwrap().to_owned();
    drop(probe);
    // A request that the dying server may have read is not sent again; the next one finds nobody.
    let told = until("the refusal", async || {
        let args = serde_json::Map::new();
        match tools.call(&kit, "pid", args, "k").await {
            Ok(outcome) => {
                assert!(outcome.failed, "{outcome:?}");
                None
            }
            Err(told) => Some(told),
        }
    })
    .await;
    assert!(
        told.is_transient() && told.message.contains("cannot be reached"),
        "{told}"
    );
    let _probe = Http::start(dir.path(), &port).await;
    let second = said(&tools, &kit, "pid", json!({})).await;
    assert_ne!(first, second);
    tools.close("aex_1").await;
}

#[tokio::test]
async fn a_server_that_was_replaced_between_calls_is_not_noticed() {
    let (tools, dir) = tools(Limits::default());
    let probe = Http::start(dir.path(), "0").await;
    let kit = kit_of(over_http(&probe.url(), &[]));
    let first = said(&tools, &kit, "pid", json!({})).await;
    let port = probe.address.rsplit(':').next().unwrap().to_owned();
    drop(probe);
    let _probe = Http::start(dir.path(), &port).await;
    assert_ne!(said(&tools, &kit, "pid", json!({})).await, first);
    assert_eq!(tools.list(&kit).await.unwrap().len(), 13);
    tools.close("aex_1").await;
}

#[tokio::test]
async fn notes_of_runs_are_kept_apart() {
    let (tools, dir) = tools(Limits::default());
    let probe = Http::start(dir.path(), "0").await;
    let one = kit("aex_1", vec![probe.server("probe")]);
    let two = kit("aex_2", vec![probe.server("probe")]);
    for (kit, run) in [(&one, "one"), (&one, "one"), (&two, "two")] {
        said(&tools, kit, "note", json!({"text": run, "run": run})).await;
    }
    let notes = said(&tools, &two, "notes", json!({"run": "one"})).await;
    let notes: Value = serde_json::from_str(&notes).unwrap();
    assert_eq!(
        notes,
        json!([{"run": "one", "key": "a-key", "text": "one", "repeats": 1}])
    );
    tools.close_all().await;
}

#[tokio::test]
async fn the_server_is_asked_for_its_health_and_ends_when_told() {
    let (tools, dir) = tools(Limits::default());
    let mut probe = Http::start(dir.path(), "0").await;
    let kit = kit_of(over_http(&probe.url(), &[]));
    said(&tools, &kit, "pid", json!({})).await;
    let check = async |address: &str| {
        let asked = Command::new(PROBE)
            .args(["healthcheck", "--address", address])
            .output()
            .await
            .unwrap();
        (
            asked.status.code(),
            String::from_utf8(asked.stderr).unwrap(),
        )
    };
    assert_eq!(check(&probe.address).await, (Some(0), String::new()));
    // While a client is connected.
    let pid = rustix::process::Pid::from_child(&probe.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let ended = until("its end", async || probe.child.try_wait().unwrap()).await;
    assert_eq!(ended.code(), Some(0));
    let (code, told) = check(&probe.address).await;
    assert!(
        code == Some(1) && told.lines().count() == 1 && told.contains("cannot reach"),
        "{told}"
    );
    tools.close("aex_1").await;
}
