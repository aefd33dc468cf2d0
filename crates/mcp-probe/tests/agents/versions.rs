//! Which version of the protocol a server is asked by.

use std::sync::{Arc, Mutex};

use agent_tools::Limits;
use serde_json::{Value, json};
use stigmer_api::agent::mcp_server_definition::ServerType;

use crate::{
    PROBE, command, definition,
    http::toolset_of,
    http_refusals::answer,
    http_stub::{JSON, called, refusal, server},
    over_http, said, tools, toolset,
};

/// Key of the version in each message, as it is where there is no handshake.
const IN_EACH: &str = "io.modelcontextprotocol/protocolVersion";

#[tokio::test]
async fn a_version_with_a_handshake_is_offered_and_what_is_agreed_on_goes_with_the_rest() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let url = server(move |head, message| {
        let mut noted = noted.lock().unwrap();
        noted.push((head.to_lowercase(), message.clone()));
        None
    });
    let outcome = called(&toolset_of(over_http(&url.await, &[]))).await;
    assert_eq!(outcome.text, "ok");
    let seen = seen.lock().unwrap();
    let (head, hello) = &seen[0];
    assert_eq!(hello["params"]["protocolVersion"], "2025-11-25");
    assert!(!head.contains("mcp-protocol-version"), "{head}");
    // Its end, the list and the call.
    assert_eq!(seen.len(), 4, "{seen:#?}");
    for (head, message) in &seen[1..] {
        assert!(head.contains("mcp-protocol-version: 2025-06-18"), "{head}");
        assert_eq!(message["params"]["_meta"][IN_EACH], Value::Null);
    }
}

#[tokio::test]
async fn where_a_version_is_refused_one_more_is_offered() {
    for (status, supported, other, ok) in [
        (
            "200 OK",
            json!(["2024-11-05", "2025-03-26", "2026-07-28"]),
            "2025-03-26",
            true,
        ),
        ("400 Bad Request", json!(["2025-06-18"]), "2025-06-18", true),
        ("200 OK", Value::Null, "2024-11-05", true),
        ("200 OK", json!(["2026-07-28"]), "2024-11-05", false),
        ("400 Bad Request", Value::Null, "2024-11-05", false),
    ] {
        let offered = Arc::new(Mutex::new(Vec::new()));
        let noted = offered.clone();
        let url = server(move |_, message| {
            if message["method"] != "initialize" {
                return None;
            }
            let version = message["params"]["protocolVersion"].clone();
            noted.lock().unwrap().push(version.clone());
            let data = json!({"supported": supported});
            let error =
                json!({"code": -32602, "message": "Unsupported protocol version", "data": data});
            let body = json!({"jsonrpc": "2.0", "id": message["id"], "error": error}).to_string();
            (!ok || version != other).then(|| answer(status, JSON, &body).into_bytes())
        });
        let toolset = toolset_of(over_http(&url.await, &[]));
        if ok {
            assert_eq!(called(&toolset).await.text, "ok", "{other}");
        } else {
            let told = refusal(&toolset).await.message;
            assert!(told.contains("refuses to be asked: "), "{told}");
            assert!(told.contains("Unsupported protocol version"), "{told}");
        }
        let offered = offered.lock().unwrap();
        assert_eq!(*offered, ["2025-11-25", other]);
    }
}

#[tokio::test]
async fn a_process_that_ends_with_a_refused_version_is_started_once_more() {
    let server = command(PROBE, &["odd", "one-version"], &[]);
    let toolset = toolset("aex_1", vec![definition("odd", ServerType::Stdio(server))]);
    let (tools, _dir) = tools(Limits::default());
    assert_eq!(said(&tools, &toolset, "good", json!({})).await, "ok");
    tools.close("aex_1").await;
}

#[tokio::test]
async fn a_process_that_refuses_each_version_is_started_twice() {
    let (tools, dir) = tools(Limits::default());
    let file = dir.path().join("started");
    let refusal = r#"{"id":0,"error":{"code":-32602,"message":"Unsupported protocol version"}}"#;
    let script = format!(
        "echo >> {}; read line; echo '{refusal}'; cat > /dev/null",
        file.display()
    );
    let toolset = toolset("aex_1", vec![crate::shell("odd", &script)]);
    let told = tools.list(&toolset).await.unwrap_err().message;
    let why = "refuses to be asked: Unsupported protocol version (-32602)";
    assert!(told.contains(why), "{told}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "\n\n");
    tools.close("aex_1").await;
}
