//! Servers that do what servers should not.

use std::time::Duration;

use agent_tools::{Limits, ToolOutcome, ToolsError, Toolset};
use serde_json::{Value, json};
use stigmer_api::agent::{McpServerDefinition, mcp_server_definition::ServerType};

use crate::{PROBE, SECRET, call, command, definition, names, said, tools, toolset};

fn odd(oddity: &str) -> McpServerDefinition {
    let server = command(PROBE, &["odd", oddity], &[]);
    definition("odd", ServerType::Stdio(server))
}

fn of(oddity: &str) -> Toolset {
    toolset("aex_1", vec![odd(oddity)])
}

async fn refusal(toolset: &Toolset) -> ToolsError {
    let (tools, _dir) = tools(Limits::default());
    let told = tools.list(toolset).await.unwrap_err();
    tools.close("aex_1").await;
    told
}

/// One call to a server without an oddity.
async fn called(tool: &str, args: Value, limits: Limits) -> ToolOutcome {
    let (tools, _dir) = tools(limits);
    let outcome = call(&tools, &of("none"), tool, args).await;
    tools.close("aex_1").await;
    outcome
}

#[tokio::test]
async fn a_list_without_an_end_is_refused_for_good() {
    for (oddity, why) in [
        (
            "same-cursor",
            "the MCP server odd names the page \"page-2\" twice: its list does not end",
        ),
        (
            "endless-pages",
            "the MCP server odd lists more than 200 pages: its list does not end",
        ),
        (
            "no-list",
            "the MCP server odd answered with no list of tools",
        ),
    ] {
        let told = refusal(&of(oddity)).await;
        assert!(!told.is_transient() && told.message == why, "{told}");
    }
}

#[tokio::test]
async fn names_of_arguments_that_providers_refuse_are_told_otherwise_and_sent_as_they_are() {
    let (tools, _dir) = tools(Limits::default());
    let of = of("odd-keys");
    let told = &tools.list(&of).await.unwrap().tools[0].parameters;
    assert_eq!(told["required"], json!(["Time_"]));
    assert_eq!(told["properties"]["Time_"]["description"], json!("`Time<`"));
    let args = json!({"Time_": "a", "Time__2": "b", "filter": {"rule__": "c"}});
    let outcome = call(&tools, &of, "said", args).await;
    let got: Value = serde_json::from_str(&outcome.text).unwrap();
    let sent = json!({"Time<": "a", "Time>": "b", "filter": {"rule[]": "c"}});
    assert_eq!(got, sent);
    tools.close("aex_1").await;
}

#[tokio::test]
async fn a_bad_entry_costs_itself_alone_and_is_told() {
    let (tools, _dir) = tools(Limits::default());
    let list = tools.list(&of("bad-entries")).await.unwrap();
    let names: Vec<&str> = list.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["good", "odd"]);
    let warning = "tools of the MCP server odd are left out: \"bad\": it has no inputSchema, one without a name, one \
                   without a name";
    assert_eq!(list.warnings, [warning]);
    assert_eq!(
        said(&tools, &of("bad-entries"), "good", json!({})).await,
        "ok"
    );
    tools.close("aex_1").await;

    // Who names it is told why it is not there.
    let mut server = odd("bad-entries");
    server.enabled_tools = vec!["bad".to_owned()];
    let told = refusal(&toolset("aex_1", vec![server])).await;
    assert!(
        told.message.contains("has no tool bad") && told.message.contains("it has no inputSchema"),
        "{told}"
    );
}

#[tokio::test]
async fn what_a_server_does_not_say_of_a_tool_is_added() {
    let (tools, _dir) = tools(Limits::default());
    let list = tools.list(&of("bare")).await.unwrap();
    let schemas: Vec<&Value> = list.tools.iter().map(|tool| &tool.parameters).collect();
    let none = json!({"type": "object", "properties": {}});
    let closed = json!({"type": "object", "properties": {}, "additionalProperties": false});
    assert_eq!(schemas, [&none, &closed]);
    assert!(list.tools.iter().all(|tool| tool.description.is_empty()));
    tools.close("aex_1").await;
}

#[tokio::test]
async fn a_server_that_does_not_say_who_it_is_serves() {
    let (tools, _dir) = tools(Limits::default());
    assert_eq!(said(&tools, &of("nameless"), "good", json!({})).await, "ok");
    tools.close("aex_1").await;
}

#[tokio::test]
async fn what_is_printed_by_mistake_is_not_answered() {
    let (tools, _dir) = tools(Limits::default());
    let toolset = of("log-lines");
    assert_eq!(said(&tools, &toolset, "good", json!({})).await, "ok");
    // The handshake, its end, the list, a call, and this call.
    assert_eq!(said(&tools, &toolset, "lines", json!({})).await, "5");
    tools.close("aex_1").await;
}

#[tokio::test]
async fn no_odd_answer_makes_a_call_a_failure() {
    for (tool, text) in [
        (
            "odd",
            "done\n[left out: content of the unknown type \"film\", of 29 bytes]",
        ),
        ("plain", "done"),
        ("batch", "done"),
        ("nan", "{\"x\":null,\"y\":\"\u{fffd}\"}"),
        (
            "huge",
            "[left out: the answer cannot be read: it takes more than 16 MiB; the call was made]",
        ),
    ] {
        let outcome = called(tool, json!({}), Limits::default()).await;
        assert!(
            !outcome.failed && outcome.text == text,
            "{tool}: {outcome:?}"
        );
    }
    let deep = called("deep", json!({}), Limits::default()).await;
    assert!(
        !deep.failed
            && deep
                .text
                .starts_with("[left out: the answer cannot be read: recursion limit"),
        "{deep:?}"
    );
}

#[tokio::test]
async fn progress_renews_the_wait_and_silence_does_not() {
    let limits = Limits {
        call: Duration::from_secs(1),
        ..Limits::default()
    };
    // Longer than the limit, in steps far below it.
    let outcome = called("work", json!({"steps": 15, "ms": 100}), limits).await;
    assert_eq!((outcome.failed, outcome.text.as_str()), (false, "done"));

    let limits = Limits {
        call: Duration::from_millis(300),
        ..Limits::default()
    };
    let outcome = called("silent", json!({}), limits).await;
    let told = "timed out after 300ms without a word: the MCP server odd was told to stop the call; its definition gives \
                it more time by timeout_seconds, the runner by STIGMER_MCP_CALL_SECONDS";
    assert_eq!((outcome.failed, outcome.text.as_str()), (true, told));
}

#[tokio::test]
async fn progress_renews_the_wait_up_to_a_bound() {
    let limits = Limits {
        whole_call: Duration::from_millis(600),
        ..Limits::default()
    };
    let outcome = called("work", json!({"steps": 100_000, "ms": 50}), limits).await;
    let told = "timed out after 600ms: the MCP server odd was told to stop the call; its definition gives it more time by \
                max_call_seconds, the runner by STIGMER_MCP_CALL_MAX_SECONDS";
    assert_eq!((outcome.failed, outcome.text.as_str()), (true, told));
}

#[tokio::test]
async fn a_definition_says_how_long_its_server_may_take() {
    let (tools, _dir) = tools(Limits {
        start: Duration::from_millis(100),
        ..Limits::default()
    });
    let told = tools.list(&of("slow-start")).await.unwrap_err();
    assert!(
        told.message
            .contains("did not answer within 100ms of its start"),
        "{told}"
    );
    tools.close("aex_1").await;
    let mut server = odd("slow-start");
    server.start_timeout_seconds = 60;
    let Some(ServerType::Stdio(stdio)) = &mut server.server_type else {
        panic!("no stdio")
    };
    stdio.timeout_seconds = 1;
    let patient = toolset("aex_2", vec![server]);
    assert!(names(&tools, &patient).await.contains(&"good".to_owned()));
    let outcome = call(&tools, &patient, "silent", json!({})).await;
    assert!(
        outcome
            .text
            .starts_with("timed out after 1s without a word"),
        "{outcome:?}"
    );
    tools.close("aex_2").await;
}

#[tokio::test]
async fn arguments_are_filled_and_redacted() {
    let with = |args: &[&str]| {
        let all = [&["odd", "none", "--"], args].concat();
        toolset(
            "aex_1",
            vec![definition(
                "odd",
                ServerType::Stdio(command(PROBE, &all, &[])),
            )],
        )
    };
    let (tools, _dir) = tools(Limits::default());
    let filled = with(&["--token=${TOKEN}", "", "$${TOKEN}", "$5"]);
    assert_eq!(
        said(&tools, &filled, "args", json!({})).await,
        "--token=[redacted]\n\n${TOKEN}\n$5"
    );
    tools.close("aex_1").await;
    for (arg, why) in [
        ("${NOPE}", "its args[4]: ${NOPE} has no value"),
        ("${", "its args[4]: a placeholder is ${NAME}"),
    ] {
        let told = refusal(&with(&["x", arg])).await;
        assert!(!told.is_transient() && told.message.contains(why), "{told}");
        assert!(!told.message.contains(SECRET), "{told}");
    }
}
