//! Servers that are asked over HTTP.

use agent_tools::{Limits, Toolset};
use serde_json::{Value, json};
use stigmer_api::agent::{HttpServer, mcp_server_definition::ServerType};
use tokio::process::Command;

use crate::{
    Http, PROBE, call, definition, env,
    http_refusals::{answer, stub},
    over_http, said, tools, toolset, until, until_begun, until_cancelled, until_counted,
};

pub(crate) fn toolset_of(server: HttpServer) -> Toolset {
    toolset("aex_1", vec![definition("bad", ServerType::Http(server))])
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
    let mut toolset = toolset_of(server);
    toolset.env = env(&[("WHERE", "eu-1")]);
    assert_eq!(tools.list(&toolset).await.unwrap().tools.len(), 13);
    assert_eq!(
        said(&tools, &toolset, "add", json!({"a": 2, "b": 3})).await,
        "5"
    );
    let seen = said(&tools, &toolset, "headers", json!({})).await;
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

#[tokio::test]
async fn calls_that_take_too_long_or_that_nobody_waits_for_are_cancelled() {
    for by_timeout in [true, false] {
        let (tools, dir) = tools(Limits::default());
        let probe = Http::start(dir.path(), "0").await;
        let mut server = over_http(&probe.url(), &[]);
        server.timeout_seconds = if by_timeout { 1 } else { 300 };
        let toolset = toolset_of(server);
        tools.list(&toolset).await.unwrap();
        let slow = call(&tools, &toolset, "slow", json!({"ms": 600_000}));
        if by_timeout {
            let outcome = slow.await;
            assert!(
                outcome.failed && outcome.text.starts_with("timed out after 1s"),
                "{outcome:?}"
            );
        } else {
            tokio::select! {
                outcome = slow => panic!("{outcome:?}"),
                () = until_begun(&tools, &toolset) => {} // and the call is dropped
            }
        }
        until_cancelled(&tools, &toolset).await;
        tools.close("aex_1").await;
    }
}

#[tokio::test]
async fn progress_renews_the_wait_over_http_too_and_up_to_a_bound() {
    let (tools, dir) = tools(Limits::default());
    let probe = Http::start(dir.path(), "0").await;
    let mut server = over_http(&probe.url(), &[]);
    server.timeout_seconds = 1;
    let patient = toolset_of(server.clone());
    // Longer than the silence that is borne, in steps far below it.
    let outcome = call(&tools, &patient, "slow", json!({"ms": 1400, "step": 100})).await;
    assert_eq!(
        (outcome.failed, outcome.text.as_str()),
        (false, "waited 1400 ms")
    );
    tools.close("aex_1").await;

    let mut bounded = definition("bad", ServerType::Http(server));
    bounded.max_call_seconds = 1;
    let bounded = toolset("aex_2", vec![bounded]);
    let outcome = call(
        &tools,
        &bounded,
        "slow",
        json!({"ms": 600_000, "step": 100}),
    )
    .await;
    assert!(
        outcome.failed
            && outcome.text.starts_with("timed out after 1s: ")
            && outcome.text.contains("max_call_seconds"),
        "{outcome:?}"
    );
    let counted = json!({"begun": 2, "ended": 1, "cancelled": 1});
    until_counted(&tools, &bounded, counted).await;
    tools.close("aex_2").await;
}

#[tokio::test]
async fn a_server_that_went_away_is_an_error_and_one_that_came_back_is_none() {
    let (tools, dir) = tools(Limits::default());
    let probe = Http::start(dir.path(), "0").await;
    let toolset = toolset_of(over_http(&probe.url(), &[]));
    let first = said(&tools, &toolset, "pid", json!({})).await;
    let port = probe.address.rsplit(':').next().unwrap().to_owned();
    drop(probe);
    // A request that the dying server may have read is not sent again; the next one finds nobody.
    let told = until("the refusal", async || {
        let args = serde_json::Map::new();
        match tools.call(&toolset, "pid", args, &[]).await {
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
    let second = said(&tools, &toolset, "pid", json!({})).await;
    assert_ne!(first, second);
    tools.close("aex_1").await;
}

#[tokio::test]
async fn a_server_that_was_replaced_between_calls_is_not_noticed() {
    let (tools, dir) = tools(Limits::default());
    let probe = Http::start(dir.path(), "0").await;
    let toolset = toolset_of(over_http(&probe.url(), &[]));
    let first = said(&tools, &toolset, "pid", json!({})).await;
    let port = probe.address.rsplit(':').next().unwrap().to_owned();
    drop(probe);
    let _probe = Http::start(dir.path(), &port).await;
    assert_ne!(said(&tools, &toolset, "pid", json!({})).await, first);
    assert_eq!(tools.list(&toolset).await.unwrap().tools.len(), 13);
    tools.close("aex_1").await;
}

#[tokio::test]
async fn notes_of_runs_are_kept_apart() {
    let (tools, dir) = tools(Limits::default());
    let probe = Http::start(dir.path(), "0").await;
    let one = toolset("aex_1", vec![probe.server("probe")]);
    let two = toolset("aex_2", vec![probe.server("probe")]);
    for (toolset, run) in [(&one, "one"), (&one, "one"), (&two, "two")] {
        said(&tools, toolset, "note", json!({"text": run, "run": run})).await;
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
    let toolset = toolset_of(over_http(&probe.url(), &[]));
    said(&tools, &toolset, "pid", json!({})).await;
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

const FAR: &str = "http://far.invalid/mcp";

#[tokio::test]
async fn servers_of_this_machine_are_asked_without_a_proxy() {
    let dir = tempfile::tempdir().unwrap();
    let probe = Http::start(dir.path(), "0").await;
    let (proxy, asked) = stub(answer("503 Service Unavailable", "", "")).await;
    let here = format!("{}::in_the_environment_of_a_proxy", module_path!());
    let here = here.split_once("::").unwrap().1;
    // Proxies are of the whole process.
    let asking = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", here, "--ignored"])
        .env("http_proxy", &proxy)
        .env("all_proxy", &proxy)
        .env_remove("no_proxy")
        .env_remove("NO_PROXY")
        .env("NEAR", probe.url())
        .output();
    let told = asking.await.unwrap();
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(
        *asked.borrow(),
        1,
        "the far one by its proxy, and nobody else"
    );
}

#[tokio::test]
#[ignore = "servers_of_this_machine_are_asked_without_a_proxy starts it"]
async fn in_the_environment_of_a_proxy() {
    let (tools, _dir) = tools(Limits::default());
    let near = toolset_of(over_http(&std::env::var("NEAR").unwrap(), &[]));
    assert_eq!(tools.list(&near).await.unwrap().tools.len(), 13);
    let far = toolset(
        "aex_2",
        vec![definition("far", ServerType::Http(over_http(FAR, &[])))],
    );
    let told = tools.list(&far).await.unwrap_err();
    assert!(told.message.contains("is in trouble"), "{told}");
    tools.close_all().await;
}
