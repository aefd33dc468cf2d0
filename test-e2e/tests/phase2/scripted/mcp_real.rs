//! An MCP server that is not ours: mcp-server-time, as its project publishes it.

use serde_json::{Value, json};
use stigmer_api::{
    agent::{StdioServer, mcp_server_definition::ServerType},
    agentexecution::ToolCallStatus,
};
use test_e2e::{Answer, Ask, NewAgent, Result, Stack, bail, ensure};

#[tokio::test]
async fn a_published_server_lists_answers_and_refuses() -> Result {
    let stack = Stack::get()?;
    let Some(time) = &stack.mcp()?.time else {
        println!(
            "not checked in `{}`: it has no mcp-server-time",
            stack.runtime
        );
        return Ok(());
    };
    let api = stack.api()?;
    let script = stack.script("time").await?;
    let noon =
        json!({ "source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo" });
    script.answer(Answer::tool("convert_time", noon)).await?;
    let nowhere = json!({ "timezone": "Nowhere/At_All" });
    script
        .answer(Answer::tool("get_current_time", nowhere))
        .await?;
    script.answer(Answer::text("9 p.m.")).await?;
    let server = StdioServer {
        command: time.command.to_string_lossy().into_owned(),
        args: time.args.clone(),
        ..Default::default()
    };
    let agent = NewAgent::new("time").server("time", ServerType::Stdio(server));
    let agent = agent.apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Noon in Tokyo?")
        .completed(&api)
        .await?;
    let [convert, current] = done.tools()? else {
        bail!("not two calls: {done:?}")
    };
    let answer: Value = serde_json::from_str(&convert.result)?;
    let target = answer["target"]["datetime"].as_str().unwrap_or_default();
    ensure!(target.contains("T21:00:00"), "{answer}");
    ensure!(
        current.status() == ToolCallStatus::ToolCallFailed,
        "{current:?}"
    );
    ensure!(current.error.contains("Nowhere/At_All"), "{current:?}");
    let asked = script.finish().await?;
    ensure!(
        asked[0].tools() == ["convert_time", "get_current_time"],
        "{asked:?}"
    );
    ensure!(done.status()?.warnings.is_empty(), "{done:?}");
    Ok(())
}
