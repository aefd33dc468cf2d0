//! MCP servers that do what servers should not: each fault costs itself alone, or is named.

use anyhow::Context;
use serde_json::json;
use stigmer_api::{
    agent::{StdioServer, mcp_server_definition::ServerType},
    agentexecution::ToolCallStatus,
};
use test_e2e::{Answer, Ask, NewAgent, Result, Stack, bail, ensure};

/// The probe in one of its odd ways.
fn odd(stack: &Stack, oddity: &str, args: &[&str]) -> Result<StdioServer> {
    let args = [&["odd", oddity, "--"], args].concat();
    Ok(StdioServer {
        command: stack.mcp()?.stdio.to_string_lossy().into_owned(),
        args: args.into_iter().map(str::to_owned).collect(),
        ..Default::default()
    })
}

#[tokio::test]
async fn a_bad_entry_of_a_list_is_left_out_and_told() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("bad-entry").await?;
    script.answer(Answer::tool("odd", json!({}))).await?;
    script.answer(Answer::text("Done.")).await?;
    let server = ServerType::Stdio(odd(&stack, "bad-entries", &[])?);
    let agent = NewAgent::new("bad-entry").server("odd", server);
    let agent = agent.apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Do it.")
        .completed(&api)
        .await?;
    let warnings = &done.status()?.warnings;
    ensure!(
        warnings.len() == 1
            && warnings[0].contains("MCP server odd")
            && warnings[0].contains("\"bad\""),
        "{warnings:?}"
    );
    // Nor does a block that nobody knows make the call a failure.
    let call = done.tool()?;
    ensure!(
        call.status() == ToolCallStatus::ToolCallCompleted,
        "{call:?}"
    );
    ensure!(call.result.starts_with("done\n[left out: "), "{call:?}");
    let asked = script.finish().await?;
    ensure!(asked[0].tools() == ["good", "odd"], "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn a_list_without_an_end_fails_the_execution_and_names_its_server() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("endless").await?;
    let server = ServerType::Stdio(odd(&stack, "same-cursor", &[])?);
    let agent = NewAgent::new("endless").server("odd", server);
    let agent = agent.apply(&api).await?;
    let error = Ask::new(&agent, script.model(), "Go.").failed(&api).await?;
    ensure!(
        error.contains("MCP server odd") && error.contains("does not end"),
        "{error}"
    );
    ensure!(
        script.finish().await?.is_empty(),
        "the model was asked for nothing"
    );
    Ok(())
}

#[tokio::test]
async fn arguments_carry_the_variables_of_the_execution() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("args").await?;
    script.answer(Answer::tool("args", json!({}))).await?;
    script.answer(Answer::text("Seen.")).await?;
    let server = odd(
        &stack,
        "none",
        &["--team=${TEAM}", "--token=${TOKEN}", "$${TEAM}"],
    )?;
    let agent = NewAgent::new("args").server("odd", ServerType::Stdio(server));
    let agent = agent.apply(&api).await?;
    let ask = Ask::new(&agent, script.model(), "Who am I?");
    let ask = ask
        .env("TEAM", "blue", false)
        .env("TOKEN", "s3cr3t-t0ken", true);
    let done = ask.completed(&api).await?;
    let result = &done.tool()?.result;
    ensure!(
        result == "--team=blue\n--token=[redacted]\n${TEAM}",
        "{result}"
    );
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_silent_call_ends_by_its_definitions_limit_and_one_with_progress_goes_on() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("limits").await?;
    script.answer(Answer::tool("silent", json!({}))).await?;
    // Longer than the limit, in steps far below it.
    script
        .answer(Answer::tool("work", json!({ "steps": 15, "ms": 100 })))
        .await?;
    script.answer(Answer::text("Done.")).await?;
    let server = StdioServer {
        timeout_seconds: 1,
        ..odd(&stack, "none", &[])?
    };
    let agent = NewAgent::new("limits").server("odd", ServerType::Stdio(server));
    let agent = agent.apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Do it.")
        .completed(&api)
        .await?;
    let [silent, work] = done.tools()? else {
        bail!("not two calls: {done:?}")
    };
    let named =
        silent.error.contains("timed out after 1s") && silent.error.contains("timeout_seconds");
    ensure!(named, "{silent:?}");
    ensure!(work.result == "done", "{work:?}");
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn of_a_long_last_word_the_end_is_told() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("last-word").await?;
    // 200 lines of 200 bytes: the cause stands in the last one.
    let server = odd(&stack, "loud-end", &["the", "cause"])?;
    let agent = NewAgent::new("last-word").server("loud", ServerType::Stdio(server));
    let agent = agent.apply(&api).await?;
    let error = Ask::new(&agent, script.model(), "Go.").failed(&api).await?;
    let last = error.lines().last().context("no error")?;
    ensure!(last == "the cause", "{error}");
    ensure!(error.contains("exited with status 3"), "{error}");
    script.finish().await?;
    Ok(())
}
