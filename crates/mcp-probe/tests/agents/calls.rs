//! Listing and calling.

use agent_tools::{IDEMPOTENCY_KEY, Limits, Tools};
use serde_json::{Value, json};
use stigmer_api::agent::{McpToolSelection, mcp_server_definition::ServerType};

use crate::{PROBE, call, command, definition, names, probe, said, tools, toolset};

const ALL: [&str; 13] = [
    "add",
    "big",
    "crash",
    "cwd",
    "echo",
    "env",
    "fail",
    "headers",
    "note",
    "notes",
    "pid",
    "slow",
    "slow_calls",
];

#[tokio::test]
async fn all_pages_are_listed_and_tools_answer() {
    let (tools, _dir) = tools(Limits::default());
    let toolset = toolset("aex_1", vec![probe("probe")]);
    let specs = tools.list(&toolset).await.unwrap().tools;
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ALL);
    assert_eq!(specs[0].description, "Adds two numbers.");
    assert_eq!(specs[0].parameters["required"], json!(["a", "b"]));
    assert_eq!(
        said(&tools, &toolset, "add", json!({"a": 2, "b": 3})).await,
        "5"
    );
    assert_eq!(
        said(&tools, &toolset, "echo", json!({"text": "héllo"})).await,
        "héllo"
    );
    tools.close("aex_1").await;
}

#[tokio::test]
async fn a_runner_that_never_listed_can_call() {
    let (tools, _dir) = tools(Limits::default());
    let toolset = toolset("aex_1", vec![probe("probe")]);
    assert_eq!(
        said(&tools, &toolset, "add", json!({"a": 2, "b": 3})).await,
        "5"
    );
    tools.close("aex_1").await;
}

#[tokio::test]
async fn what_goes_wrong_in_a_call_is_for_the_model() {
    let (tools, _dir) = tools(Limits::default());
    let toolset = toolset("aex_1", vec![probe("probe")]);
    for (name, args, text) in [
        ("fail", json!({"message": "no luck"}), "no luck"),
        ("add", json!({"a": 1}), "`b` must be a number"),
        (
            "nope",
            json!({}),
            "there is no tool \"nope\"; there are: add, big, ",
        ),
    ] {
        let outcome = call(&tools, &toolset, name, args).await;
        assert!(outcome.failed && outcome.text.contains(text), "{outcome:?}");
    }
    tools.close("aex_1").await;
}

#[tokio::test]
async fn long_answers_are_cut() {
    let (tools, _dir) = tools(Limits::default());
    let toolset = toolset("aex_1", vec![probe("probe")]);
    let text = said(&tools, &toolset, "big", json!({"bytes": 200_000})).await;
    assert_eq!(text.lines().next().unwrap().len(), 64 << 10);
    assert!(text.ends_with("\n[cut: this is the first 65536 of 200000 bytes]"));
    tools.close("aex_1").await;
}

#[tokio::test]
async fn only_enabled_tools_are_there_and_a_sub_agent_has_fewer() {
    let (tools, _dir) = tools(Limits::default());
    let mut server = probe("probe");
    server.enabled_tools = vec!["echo".to_owned(), "add".to_owned()];
    let mut toolset = toolset("aex_1", vec![server]);
    assert_eq!(names(&tools, &toolset).await, ["add", "echo"]);
    let refused = call(&tools, &toolset, "env", json!({})).await;
    assert_eq!(
        refused.text,
        "there is no tool \"env\"; there are: add, echo"
    );

    toolset.scope = "aex_1/helper".to_owned();
    let selection = |names: &[&str]| {
        let enabled_tools = names.iter().map(ToString::to_string).collect();
        [("probe".to_owned(), McpToolSelection { enabled_tools })]
            .into_iter()
            .collect()
    };
    toolset.selections = selection(&["echo"]);
    assert_eq!(names(&tools, &toolset).await, ["echo"]);
    toolset.selections = selection(&[]);
    assert_eq!(names(&tools, &toolset).await, ["add", "echo"]);
    toolset.selections = selection(&["env"]);
    let told = tools.list(&toolset).await.unwrap_err();
    assert!(
        !told.is_transient() && told.message.contains("may use add, echo"),
        "{told}"
    );

    toolset.selections.clear();
    toolset.servers[0].enabled_tools.push("fly".to_owned());
    let told = tools.list(&toolset).await.unwrap_err();
    assert!(
        !told.is_transient() && told.message.contains(&ALL.join(", ")),
        "{told}"
    );
    assert!(
        told.message.contains("MCP server probe has no tool fly"),
        "{told}"
    );
    tools.close("aex_1").await;
}

#[tokio::test]
async fn names_that_clash_lead_to_their_own_servers() {
    let (tools, _dir) = tools(Limits::default());
    let one = definition(
        "one",
        ServerType::Stdio(command(PROBE, &[], &[("WHO", "one")])),
    );
    let mut two = definition(
        "two",
        ServerType::Stdio(command(PROBE, &[], &[("WHO", "two")])),
    );
    two.enabled_tools = vec!["env".to_owned()];
    let toolset = toolset("aex_1", vec![one, two]);
    let names = names(&tools, &toolset).await;
    assert!(
        names.contains(&"one__env".to_owned()) && names.contains(&"two__env".to_owned()),
        "{names:?}"
    );
    assert!(
        names.contains(&"echo".to_owned()) && !names.contains(&"env".to_owned()),
        "{names:?}"
    );
    for who in ["one", "two"] {
        let name = format!("{who}__env");
        assert_eq!(
            said(&tools, &toolset, &name, json!({"name": "WHO"})).await,
            who
        );
    }
    tools.close("aex_1").await;
}

#[tokio::test]
async fn a_key_that_comes_again_has_no_second_effect() {
    let (tools, dir) = tools(Limits::default());
    let file = dir.path().join("notes");
    let vars = [("MCP_PROBE_NOTES", file.to_str().unwrap())];
    let server = definition("probe", ServerType::Stdio(command(PROBE, &[], &vars)));
    let toolset = toolset("aex_1", vec![server]);
    let note = async |tools: &Tools, key: &str, text: &str| {
        let args = json!({"text": text}).as_object().unwrap().clone();
        let meta = [(IDEMPOTENCY_KEY, key), ("traceparent", "of the call")];
        let outcome = tools.call(&toolset, "note", args, &meta).await.unwrap();
        serde_json::from_str::<Value>(&outcome.text).unwrap()
    };
    assert_eq!(note(&tools, "k1", "first").await["repeats"], 0);
    assert_eq!(note(&tools, "k2", "second").await["repeats"], 0);
    tools.close("aex_1").await;
    // Another process of the same server.
    let again = note(&tools, "k1", "first, again").await;
    assert_eq!(
        again,
        json!({"run": "", "key": "k1", "traceparent": "of the call", "text": "first", "repeats": 1})
    );
    let notes = said(&tools, &toolset, "notes", json!({})).await;
    let notes: Vec<Value> = serde_json::from_str(&notes).unwrap();
    let texts: Vec<&Value> = notes.iter().map(|note| &note["text"]).collect();
    assert_eq!(texts, ["first", "second"]);
    tools.close("aex_1").await;
}
