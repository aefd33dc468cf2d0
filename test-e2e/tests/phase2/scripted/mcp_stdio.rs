//! MCP servers that are processes of the agent.

use anyhow::Context;
use serde_json::json;
use stigmer_api::agentexecution::ToolCallStatus;
use test_e2e::{Answer, Ask, NewAgent, Result, Stack, bail, ensure, stdio, until};

#[tokio::test]
async fn the_model_is_told_only_the_enabled_tools() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("enabled").await?;
    script
        .answer(Answer::tool("echo", json!({ "text": "x" })))
        .await?;
    script.answer(Answer::text("Yes.")).await?;
    let agent = NewAgent::new("enabled").stdio(&stack, &[])?.only(&["add"]);
    let agent = agent.apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Echo.")
        .completed(&api)
        .await?;
    let asked = script.finish().await?;
    ensure!(asked[0].tools() == ["add"], "{asked:?}");
    // Nor is another one called for it.
    ensure!(
        done.tool()?.status() == ToolCallStatus::ToolCallFailed,
        "{done:?}"
    );
    Ok(())
}

#[tokio::test]
async fn an_enabled_tool_that_the_server_lacks_fails_the_execution() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("lacks").await?;
    let agent = NewAgent::new("lacks")
        .stdio(&stack, &[])?
        .only(&["add", "fly"]);
    let agent = agent.apply(&api).await?;
    let error = Ask::new(&agent, script.model(), "Fly.")
        .failed(&api)
        .await?;
    ensure!(
        error.contains("no tool fly") && error.contains("probe"),
        "{error}"
    );
    ensure!(
        error.contains("add"),
        "it does not say what there is: {error}"
    );
    ensure!(
        script.finish().await?.is_empty(),
        "the model was asked for nothing"
    );
    Ok(())
}

#[tokio::test]
async fn a_command_that_is_not_there_fails_the_execution_and_is_named() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("missing").await?;
    let missing = stdio("/nowhere/mcp-server", &[]);
    let agent = NewAgent::new("missing")
        .server("ghost", missing)
        .apply(&api)
        .await?;
    let error = Ask::new(&agent, script.model(), "Go.").failed(&api).await?;
    ensure!(
        error.contains("ghost") && error.contains("/nowhere/mcp-server"),
        "{error}"
    );
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_docker_server_is_refused_with_the_reason() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("boxed").await?;
    let agent = NewAgent::new("boxed")
        .docker("example/mcp:1.0")
        .apply(&api)
        .await?;
    let error = Ask::new(&agent, script.model(), "Go.").failed(&api).await?;
    ensure!(
        error.contains("boxed") && error.contains("Docker"),
        "{error}"
    );
    ensure!(
        error.contains("stdio or http"),
        "it does not say what to do: {error}"
    );
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_dies_is_told_to_the_model_and_started_again() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("dies").await?;
    script.answer(Answer::tool("crash", json!({}))).await?;
    script
        .answer(Answer::tool("add", json!({ "a": 1, "b": 2 })))
        .await?;
    script.answer(Answer::text("3.")).await?;
    let agent = NewAgent::new("dies")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "Crash, then add.")
        .completed(&api)
        .await?;
    let [crash, add] = done.tools()? else {
        bail!("not two calls: {done:?}")
    };
    ensure!(
        crash.status() == ToolCallStatus::ToolCallFailed,
        "{crash:?}"
    );
    ensure!(crash.error.contains("probe"), "{crash:?}");
    ensure!(add.result == "3", "{add:?}");
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_long_result_is_cut_and_says_so() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("big").await?;
    script
        .answer(Answer::tool("big", json!({ "bytes": 300_000 })))
        .await?;
    script.answer(Answer::text("Much.")).await?;
    let agent = NewAgent::new("big").stdio(&stack, &[])?.apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "All of it.")
        .completed(&api)
        .await?;
    let asked = script.finish().await?;
    let told = asked[1].tool_results()[0].to_owned();
    ensure!(
        (60_000..70_000).contains(&told.len()),
        "{} bytes",
        told.len()
    );
    ensure!(
        told.contains("300000") || told.contains("cut"),
        "{}",
        &told[told.len() - 200..]
    );
    ensure!(
        done.tool()?.result == told,
        "the execution shows something else"
    );
    Ok(())
}

#[tokio::test]
async fn a_server_lives_as_long_as_its_execution() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("lives").await?;
    script.answer(Answer::tool("pid", json!({}))).await?;
    script
        .answer(Answer::tool("pid", json!({ "again": true })))
        .await?;
    script.answer(Answer::text("Good bye.")).await?;
    let agent = NewAgent::new("lives")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "Who are you?")
        .completed(&api)
        .await?;
    let pids: Vec<&str> = done.tools()?.iter().map(|t| t.result.as_str()).collect();
    ensure!(
        pids.len() == 2 && pids[0] == pids[1],
        "another process: {pids:?}"
    );
    let pid: u32 = pids[0].parse().context("no pid")?;
    script.finish().await?;
    stack.temporal()?.closed(done.id()).await?;
    if stack.runtime == "native" {
        let there = std::path::Path::new("/proc").join(pid.to_string());
        ensure!(!there.exists(), "{pid} still runs");
    } else {
        // Its number means nothing outside its container. That the runner's processes go with an execution is checked
        // where it can be: on the host.
        println!(
            "not checked in `{}`: that process {pid} is gone",
            stack.runtime
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_cancelled_execution_leaves_no_process() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("leaves").await?;
    script.answer(Answer::tool("pid", json!({}))).await?;
    script
        .answer(Answer::tool("slow", json!({ "ms": 600_000 })))
        .await?;
    let agent = NewAgent::new("leaves")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let id = Ask::new(&agent, script.model(), "Sleep.")
        .start(&api)
        .await?;
    let running = ToolCallStatus::ToolCallRunning;
    let execution = until(&api, &id, |execution| {
        let calls = execution.status.iter().flat_map(|s| &s.tool_calls);
        calls
            .last()
            .is_some_and(|call| call.name == "slow" && call.status() == running)
    })
    .await?;
    let calls = execution.status.context("no status")?.tool_calls;
    let pid: u32 = calls[0].result.parse().context("no pid")?;
    let process = std::path::Path::new("/proc").join(pid.to_string());
    let native = stack.runtime == "native";
    ensure!(!native || process.exists(), "{pid} is no process");
    stack.cli().run(["cancel", &id]).await?.ok()?;
    ensure!(stack.temporal()?.closed(&id).await? == "CANCELED");
    if native {
        ensure!(!process.exists(), "{pid} still runs");
    } else {
        println!(
            "not checked in `{}`: that process {pid} is gone",
            stack.runtime
        );
    }
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn each_result_goes_to_the_call_that_asked_for_it() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("ids").await?;
    let texts = ["one", "two", "three"];
    let calls = texts.map(|text| ("echo", json!({ "text": text })));
    script.answer(Answer::tools(calls)).await?;
    script.answer(Answer::text("Heard.")).await?;
    let agent = NewAgent::new("ids").stdio(&stack, &[])?.apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Say them.")
        .completed(&api)
        .await?;
    // What the model is sent back: an id for each call, and under the same one its own result.
    let asked = script.finish().await?;
    let messages = asked[1].body["messages"]
        .as_array()
        .context("no messages")?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut ids = std::collections::BTreeSet::new();
    for call in messages
        .iter()
        .filter_map(|m| m["tool_calls"].as_array())
        .flatten()
    {
        let arguments: serde_json::Value =
            serde_json::from_str(&text(&call["function"]["arguments"]))?;
        let result = messages
            .iter()
            .find(|m| m["role"] == "tool" && m["tool_call_id"] == call["id"])
            .context("a call without a result")?;
        ensure!(
            result["content"] == arguments["text"],
            "{call} got {result}"
        );
        ids.insert(text(&call["id"]));
    }
    ensure!(ids.len() == 3, "{ids:?}");
    // And what the execution shows.
    for call in done.tools()? {
        let said = call.args.as_ref().and_then(|args| args.fields.get("text"));
        let said = serde_json::to_value(said)?;
        ensure!(said == call.result.as_str(), "{call:?}");
        ensure!(ids.contains(&call.id), "{call:?}");
    }
    Ok(())
}
