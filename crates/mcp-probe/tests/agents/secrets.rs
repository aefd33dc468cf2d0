//! What a server sees, and what nobody sees.

use agent_tools::Limits;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use stigmer_api::agent::mcp_server_definition::ServerType;

use crate::{
    PROBE, SECRET, call, command, definition, env,
    http_stub::{JSON, with_body},
    probe, said, tools, toolset,
};

#[tokio::test]
async fn a_server_sees_its_placeholders_and_nothing_of_the_runners() {
    assert!(
        std::env::var_os("CARGO_MANIFEST_DIR").is_some(),
        "there is something to hide"
    );
    let (tools, _dir) = tools(Limits::default());
    let vars = [
        ("API_KEY", "Bearer ${TOKEN}"),
        ("REGION", "${WHERE}"),
        ("PRICE", "$${5}$"),
        // Its own goes before what it inherits.
        ("PATH", "/nowhere"),
    ];
    let server = definition("probe", ServerType::Stdio(command(PROBE, &[], &vars)));
    let mut toolset = toolset("aex_1", vec![server]);
    toolset.env = env(&[("WHERE", "eu-1"), ("UNUSED", "x")]);
    let seen = said(&tools, &toolset, "env", json!({})).await;
    let known = [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "TMPDIR",
        "TERM",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "E2E_RUN_ID",
        // Its own mark: its folder, and a number.
        "STIGMER_MCP_SERVER",
        "API_KEY",
        "REGION",
        "PRICE",
    ];
    for name in seen.lines() {
        assert!(known.contains(&name), "{name} is the runner's");
    }
    for name in ["PATH", "API_KEY", "REGION", "PRICE"] {
        assert!(
            seen.lines().any(|line| line == name),
            "{name} is missing in {seen}"
        );
    }
    let value = async |name: &str| said(&tools, &toolset, "env", json!({"name": name})).await;
    assert_eq!(value("API_KEY").await, "Bearer [redacted]");
    assert_eq!(value("REGION").await, "eu-1");
    assert_eq!(value("PRICE").await, "${5}$");
    assert_eq!(value("PATH").await, "/nowhere");
    tools.close("aex_1").await;
}

#[tokio::test]
async fn secrets_come_back_redacted_however_they_are_written() {
    let (tools, _dir) = tools(Limits::default());
    let toolset = toolset("aex_1", vec![probe("probe")]);
    for (text, shown) in [
        (format!("a {SECRET} b"), "a [redacted] b".to_owned()),
        (
            format!("<{}>", BASE64_STANDARD.encode(SECRET)),
            "<[redacted]>".to_owned(),
        ),
        (
            "?t=s3cret%2Fw%2Brd&x".to_owned(),
            "?t=[redacted]&x".to_owned(),
        ),
        (
            r#"{"t":"s3cret\/w+rd"}"#.to_owned(),
            r#"{"t":"[redacted]"}"#.to_owned(),
        ),
    ] {
        assert_eq!(
            said(&tools, &toolset, "echo", json!({"text": text})).await,
            shown
        );
        let failed = call(&tools, &toolset, "fail", json!({"message": text})).await;
        assert_eq!(failed.text, shown);
    }
    let unknown = call(&tools, &toolset, SECRET, json!({})).await.text;
    assert!(!unknown.contains(SECRET), "{unknown}");
    tools.close("aex_1").await;
}

#[tokio::test]
async fn a_secret_in_the_name_of_a_bad_entry_is_not_told() {
    let (tools, _dir) = tools(Limits::default());
    let list = format!(r#"{{"id":ID,"result":{{"tools":[{{"name":"{SECRET}"}}]}}}}"#);
    let toolset = with_body("tools/list", JSON, list).await;
    let warnings = tools.list(&toolset).await.unwrap().warnings;
    let told = "tools of the MCP server bad are left out: \"[redacted]\": it has no inputSchema";
    assert_eq!(warnings, [told]);
    tools.close("aex_1").await;
}

#[tokio::test]
async fn a_secret_in_the_description_of_a_tool_is_not_told() {
    let (tools, _dir) = tools(Limits::default());
    let key = format!(r#"{{"properties":{{"key":{{"description":"as {SECRET}"}}}}}}"#);
    let tool = format!(r#"{{"name":"do","description":"By {SECRET}.","inputSchema":{key}}}"#);
    let list = format!(r#"{{"id":ID,"result":{{"tools":[{tool}]}}}}"#);
    let list = tools.list(&with_body("tools/list", JSON, list).await).await;
    let told = &list.unwrap().tools[0];
    assert_eq!(told.description, "By [redacted].");
    let key = &told.parameters["properties"]["key"];
    assert_eq!(key["description"], "as [redacted]", "{key}");
    tools.close("aex_1").await;
}
