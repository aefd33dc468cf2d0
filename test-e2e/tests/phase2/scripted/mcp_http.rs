//! MCP servers at an address.

use serde_json::json;
use stigmer_api::agent::{HttpServer, mcp_server_definition::ServerType};
use test_e2e::{Answer, Ask, NewAgent, Result, Stack, ensure, unique};

#[tokio::test]
async fn a_tool_is_called_at_its_address() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("remote").await?;
    script
        .answer(Answer::tool("add", json!({ "a": 3, "b": 4 })))
        .await?;
    script.answer(Answer::text("7.")).await?;
    let agent = NewAgent::new("remote")
        .http(&stack, &[])?
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "3 + 4?")
        .completed(&api)
        .await?;
    ensure!(done.tool()?.result == "7", "{done:?}");
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn headers_carry_the_variables_of_the_execution() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("headers").await?;
    script.answer(Answer::tool("headers", json!({}))).await?;
    script.answer(Answer::text("Seen.")).await?;
    let headers = [("x-team", "${TEAM}-e2e"), ("x-token", "Bearer ${TOKEN}")];
    let agent = NewAgent::new("headers")
        .http(&stack, &headers)?
        .apply(&api)
        .await?;
    let (team, token) = (unique("team"), unique("token"));
    let ask = Ask::new(&agent, script.model(), "Who am I?");
    let ask = ask.env("TEAM", &team, false).env("TOKEN", &token, true);
    let done = ask.completed(&api).await?;
    let result = &done.tool()?.result;
    ensure!(result.contains(&format!("{team}-e2e")), "{result}");
    ensure!(
        result.contains("Bearer [redacted]"),
        "the token did not arrive: {result}"
    );
    ensure!(!result.contains(&token), "the token is shown: {result}");
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn two_servers_with_the_same_tools_are_told_apart() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("both").await?;
    script
        .answer(Answer::tool("probe__add", json!({ "a": 1, "b": 1 })))
        .await?;
    script
        .answer(Answer::tool("remote__add", json!({ "a": 2, "b": 2 })))
        .await?;
    script.answer(Answer::text("2 and 4.")).await?;
    let agent = NewAgent::new("both").stdio(&stack, &[])?.only(&["add"]);
    let agent = agent.http(&stack, &[])?.only(&["add"]).apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Both.")
        .completed(&api)
        .await?;
    let results: Vec<&str> = done.tools()?.iter().map(|t| t.result.as_str()).collect();
    ensure!(results == ["2", "4"], "{done:?}");
    let asked = script.finish().await?;
    ensure!(
        asked[0].tools() == ["probe__add", "remote__add"],
        "{asked:?}"
    );
    Ok(())
}

#[tokio::test]
async fn an_address_where_nobody_is_fails_the_execution_and_is_named() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("nobody").await?;
    // Port 1 is nobody's: it needs root and has no service.
    let server = HttpServer {
        url: "http://127.0.0.1:1/mcp".to_owned(),
        ..Default::default()
    };
    let agent = NewAgent::new("nobody").server("away", ServerType::Http(server));
    let agent = agent.apply(&api).await?;
    let error = Ask::new(&agent, script.model(), "Go.").failed(&api).await?;
    ensure!(
        error.contains("away") && error.contains("127.0.0.1:1"),
        "{error}"
    );
    script.finish().await?;
    Ok(())
}
