//! Calls beside each other, and calls that are given up.

use std::time::Duration;

use agent_tools::Limits;
use serde_json::json;

use crate::{KEY, call, pid, probe, said, tools, toolset, until_begun, until_cancelled};

#[tokio::test]
async fn a_call_that_takes_too_long_is_cancelled() {
    let limits = Limits {
        call: Duration::from_millis(300),
        ..Limits::default()
    };
    let (tools, _dir) = tools(limits);
    let toolset = toolset("aex_1", vec![probe("probe")]);
    let outcome = call(&tools, &toolset, "slow", json!({"ms": 600_000})).await;
    assert!(
        outcome.failed && outcome.text.starts_with("timed out after 300ms"),
        "{outcome:?}"
    );
    until_cancelled(&tools, &toolset).await;
    tools.close("aex_1").await;
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_cancelled() {
    let (tools, _dir) = tools(Limits::default());
    let toolset = toolset("aex_1", vec![probe("probe")]);
    tokio::select! {
        outcome = call(&tools, &toolset, "slow", json!({"ms": 600_000})) => panic!("{outcome:?}"),
        () = until_begun(&tools, &toolset) => {} // and the call is dropped
    }
    until_cancelled(&tools, &toolset).await;
    tools.close("aex_1").await;
}

#[tokio::test]
async fn first_uses_at_once_start_one_server() {
    let (tools, _dir) = tools(Limits::default());
    let toolset = toolset("aex_1", vec![probe("probe")]);
    let calls = (0..8).map(|_| {
        let (tools, toolset) = (tools.clone(), toolset.clone());
        tokio::spawn(async move { pid(&tools, &toolset).await })
    });
    let calls: Vec<_> = calls.collect();
    let mut pids = Vec::new();
    for call in calls {
        pids.push(call.await.unwrap());
    }
    pids.dedup();
    assert_eq!(pids.len(), 1, "{pids:?}");
    // A sub-agent has a server of its own.
    let mut sub = toolset.clone();
    sub.scope = "aex_1/helper".to_owned();
    assert_ne!(pid(&tools, &sub).await, pids[0]);
    tools.close("aex_1").await;
}

#[tokio::test]
async fn calls_of_an_execution_do_not_wait_for_each_other() {
    let (tools, _dir) = tools(Limits::default());
    let toolset = toolset("aex_1", vec![probe("probe")]);
    tools.list(&toolset).await.unwrap();
    let args = json!({"ms": 600_000}).as_object().unwrap().clone();
    let slow = tools.call(&toolset, "slow", args, &KEY);
    let quick = said(&tools, &toolset, "echo", json!({"text": "quick"}));
    tokio::select! {
        biased;
        _ = slow => panic!("the slow one was first"),
        text = quick => assert_eq!(text, "quick"),
    }
    tools.close("aex_1").await;
}
