use anyhow::Context;
use serde_json::json;
use stigmer_api::{
    agent::{StdioServer, mcp_server_definition::ServerType},
    agentexecution::{ExecutionPhase, ToolCallStatus},
};
use test_e2e::{Answer, Ask, NewAgent, Result, Stack, ensure, until, until_phase};

#[tokio::test]
async fn cancel_lets_the_model_go() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("lets-go").await?;
    script
        .answer(Answer::pieces(["Once upon"]).hold().then(" a time"))
        .await?;
    let agent = NewAgent::new("lets-go").apply(&api).await?;
    let id = Ask::new(&agent, script.model(), "A story.")
        .start(&api)
        .await?;
    until(&api, &id, test_e2e::is_answering).await?;
    let output = stack.cli().run(["cancel", &id]).await?.ok()?;
    ensure!(output.stdout.contains("CANCELLED"), "{output:#?}");
    let ended = until_phase(&api, &id, ExecutionPhase::ExecutionCancelled).await?;
    ensure!(!ended.status.context("no status")?.completed_at.is_empty());
    ensure!(stack.temporal()?.closed(&id).await? == "CANCELED");
    // The connection to the model is gone, not left to its time limit.
    script.left(1).await?;
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn cancel_lets_a_tool_go() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("drops").await?;
    script
        .answer(Answer::tool("slow", json!({ "ms": 600_000 })))
        .await?;
    let agent = NewAgent::new("drops")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let id = Ask::new(&agent, script.model(), "Sleep.")
        .start(&api)
        .await?;
    let running = ToolCallStatus::ToolCallRunning;
    until(&api, &id, |execution| {
        let calls = execution.status.iter().flat_map(|s| &s.tool_calls);
        calls.last().is_some_and(|call| call.status() == running)
    })
    .await?;
    stack.cli().run(["cancel", &id]).await?.ok()?;
    let ended = until_phase(&api, &id, ExecutionPhase::ExecutionCancelled).await?;
    let call = ended
        .status
        .context("no status")?
        .tool_calls
        .pop()
        .context("no call")?;
    ensure!(
        call.status() == ToolCallStatus::ToolCallFailed,
        "it still runs: {call:?}"
    );
    ensure!(call.error == "the execution was cancelled", "{call:?}");
    ensure!(stack.temporal()?.closed(&id).await? == "CANCELED");
    script.finish().await?;
    Ok(())
}

/// The tests' MCP server with other arguments.
fn server(stack: &Stack, args: &[&str]) -> Result<ServerType> {
    Ok(ServerType::Stdio(StdioServer {
        command: stack.mcp()?.stdio.to_string_lossy().into_owned(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        ..Default::default()
    }))
}

/// Cancels execution `id` while its workflow `of` waits for a server, and sees that this one was told, not taken for dead.
async fn cancel_while_it_waits(stack: &Stack, id: &str, of: &str) -> Result {
    let temporal = stack.temporal()?;
    temporal.until_works(of).await?;
    stack.cli().run(["cancel", id]).await?.ok()?;
    ensure!(temporal.closed(of).await? == "CANCELED");
    let history = temporal.history(of).await?;
    let told = history
        .iter()
        .any(|it| it.kind() == "ACTIVITY_TASK_CANCELED");
    ensure!(told, "{history:?}");
    Ok(())
}

#[tokio::test]
async fn cancel_lets_a_server_go_that_does_not_get_ready() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    // One that is reached by HTTP says nothing on its standard streams.
    let mute = server(&stack, &["http", "--port", "0"])?;
    let agent = NewAgent::new("mute").server("mute", mute);
    let agent = agent.apply(&api).await?;
    let script = stack.script("mute").await?;
    let ask = Ask::new(&agent, script.model(), "Hello?");
    let id = ask.start(&api).await?;
    cancel_while_it_waits(&stack, &id, &id).await?;
    ensure!(script.finish().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn cancel_lets_a_sub_agents_server_go_that_does_not_get_ready() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = NewAgent::new("mute-sub")
        .server("mute", server(&stack, &["odd", "only-first"])?)
        .sub_agent("clerk", "You are mute.", &["mute"], &[], &[]);
    let agent = agent.apply(&api).await?;
    let script = stack.script("mute-sub").await?;
    let call = Answer::tool("agent_clerk", json!({ "input": "Hello?" }));
    script.answer(call).await?;
    let ask = Ask::new(&agent, script.model(), "Ask the clerk.");
    let id = ask.start(&api).await?;
    // A sub-agent has a workflow of its own, named by its call.
    cancel_while_it_waits(&stack, &id, &format!("{id}/call_1")).await?;
    script.finish().await?;
    Ok(())
}
