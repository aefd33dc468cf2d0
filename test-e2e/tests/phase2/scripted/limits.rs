//! What keeps an agent from going on for ever.

use anyhow::Context;
use serde_json::{Value, json};
use stigmer_api::{
    agent::{StdioServer, mcp_server_definition::ServerType},
    agentexecution::{ExecutionPhase, ToolCallStatus},
    json::of_struct,
};
use test_e2e::{Answer, Ask, NewAgent, Result, Stack, ensure};

#[tokio::test]
async fn a_model_is_not_asked_more_often_than_allowed() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("asks").await?;
    for n in 0..2 {
        script
            .answer(Answer::tool("add", json!({ "a": n, "b": n })))
            .await?;
    }
    let agent = NewAgent::new("asks")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let ask = Ask::new(&agent, script.model(), "Go on.").limits(|l| l.max_model_calls = 2);
    let done = ask.ended(&api).await?;
    ensure!(
        done.0.phase() == ExecutionPhase::ExecutionFailed,
        "{done:?}"
    );
    let error = &done.status()?.error;
    ensure!(
        error.contains("reached its limit of 2 model calls (max_model_calls)"),
        "{error}"
    );
    // What was done until then is kept.
    ensure!(done.tools()?.len() == 2, "{done:?}");
    ensure!(script.finish().await?.len() == 2);
    Ok(())
}

#[tokio::test]
async fn tools_are_not_called_more_often_than_allowed() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("calls").await?;
    let call = |n: i32| ("add", json!({ "a": n, "b": n }));
    script.answer(Answer::tools([call(1), call(2)])).await?;
    script.answer(Answer::tools([call(3), call(4)])).await?;
    let agent = NewAgent::new("calls")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let ask = Ask::new(&agent, script.model(), "Go on.").limits(|l| l.max_tool_calls = 3);
    let error = ask.failed(&api).await?;
    ensure!(
        error.contains("reached its limit of 3 tool calls (max_tool_calls)"),
        "{error}"
    );
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_execution_takes_no_longer_than_allowed() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("dawdles").await?;
    script.answer(Answer::pieces(["Half an"]).hold()).await?;
    let agent = NewAgent::new("dawdles").apply(&api).await?;
    let ask = Ask::new(&agent, script.model(), "Take your time.").limits(|l| l.max_seconds = 1);
    let done = ask.ended(&api).await?;
    let status = done.status()?;
    let why = "reached its limit of 1 seconds (max_seconds)";
    ensure!(
        status.phase() == ExecutionPhase::ExecutionFailed && status.error.contains(why),
        "{status:?}"
    );
    // Half an answer is none.
    ensure!(status.messages.len() == 1, "{status:?}");
    // The model was let go, not left waiting.
    script.left(1).await?;
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn the_start_of_servers_is_part_of_an_executions_time() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    for (hint, args) in [
        // Its first answer takes 2 s, which its own limit lets pass.
        ("late", &["odd", "slow-start"][..]),
        // One that is reached by HTTP says nothing on its standard streams.
        ("never", &["http", "--port", "0"][..]),
    ] {
        let server = ServerType::Stdio(StdioServer {
            command: stack.mcp()?.stdio.to_string_lossy().into_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            ..Default::default()
        });
        let script = stack.script(hint).await?;
        let agent = NewAgent::new(hint).server(hint, server);
        let agent = agent.apply(&api).await?;
        let ask = Ask::new(&agent, script.model(), "Hello?").limits(|l| l.max_seconds = 1);
        let error = ask.failed(&api).await?;
        ensure!(
            error.contains("reached its limit of 1 seconds (max_seconds)"),
            "{hint}: {error}"
        );
        ensure!(
            script.finish().await?.is_empty(),
            "{hint}: the model was asked when the time was over"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_third_identical_call_in_a_row_is_not_run() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("again").await?;
    for _ in 0..3 {
        script
            .answer(Answer::tool("add", json!({ "a": 1, "b": 1 })))
            .await?;
    }
    script.answer(Answer::text("Two, then.")).await?;
    let agent = NewAgent::new("again")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "1 + 1?")
        .completed(&api)
        .await?;
    let statuses: Vec<_> = done.tools()?.iter().map(|t| t.status()).collect();
    let (ran, not) = (
        ToolCallStatus::ToolCallCompleted,
        ToolCallStatus::ToolCallFailed,
    );
    ensure!(statuses == [ran, ran, not], "{:?}", done.tools());
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_agent_that_turns_in_circles_is_stopped() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("circles").await?;
    for n in 0..9 {
        // The same call every second time: never three in a row.
        let call = match n % 2 {
            0 => json!({ "a": 1, "b": 1 }),
            _ => json!({ "a": 1, "b": n + 10 }),
        };
        script.answer(Answer::tool("add", call)).await?;
    }
    let agent = NewAgent::new("circles")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let error = Ask::new(&agent, script.model(), "Go.").failed(&api).await?;
    let why = "five of its last ten tool calls were add with the same arguments";
    ensure!(error.contains(why), "{error}");
    ensure!(script.finish().await?.len() == 9);
    Ok(())
}

#[tokio::test]
async fn a_sub_agent_that_is_stopped_leaves_no_call_open() -> Result {
    const CLERK: &str = "You are the clerk who turns in circles.";
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("circling").await?;
    let task = json!({ "input": "Go." });
    script.answer(Answer::tool("agent_clerk", task)).await?;
    let circles = Answer::tools([0; 5].map(|n| ("add", json!({ "a": n, "b": n }))));
    script.answer(circles.when_system(CLERK)).await?;
    script.answer(Answer::text("It got lost.")).await?;
    let agent = NewAgent::new("circling")
        .stdio(&stack, &[])?
        .sub_agent("clerk", CLERK, &["probe"], &["add"], &[])
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "Go.")
        .completed(&api)
        .await?;
    let subs = &done.status()?.sub_agent_executions;
    let sub = subs.first().context("none is shown")?;
    ensure!(sub.error.contains("five of its last ten"), "{sub:?}");
    let own = of_struct(&sub.metadata.clone().unwrap_or_default());
    let calls = own["tool_calls"].as_array().context("no calls")?;
    let failed = |call: &Value| call["status"] == "TOOL_CALL_FAILED" && call["error"] == sub.error;
    ensure!(calls.len() == 5 && calls.iter().all(failed), "{own}");
    script.finish().await?;
    Ok(())
}
