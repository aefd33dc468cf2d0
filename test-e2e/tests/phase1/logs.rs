use stigmer_api::agentexecution::{
    AgentExecutionStatus, ExecutionPhase, SubAgentExecution, SubAgentStatus, ToolCall,
    ToolCallStatus,
};
use test_e2e::{Result, Stack, ensure, unique};

#[tokio::test]
async fn logs_show_tools_and_sub_agents() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("busy")).await?;
    let created = api.new_execution(&agent, "hello").await?;
    let id = created.metadata.unwrap_or_default().id;
    let mut status = AgentExecutionStatus {
        phase: ExecutionPhase::ExecutionCompleted.into(),
        sub_agent_executions: vec![SubAgentExecution {
            id: "s1".to_owned(),
            name: "checker".to_owned(),
            input: "check it".to_owned(),
            output: "it is fine".to_owned(),
            status: SubAgentStatus::SubAgentCompleted.into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let args = serde_json::json!({"a": 2, "b": 3});
    for (id, status_of, result, error) in [
        ("t1", ToolCallStatus::ToolCallCompleted, "5", ""),
        ("t2", ToolCallStatus::ToolCallFailed, "", "too large"),
    ] {
        status.tool_calls.push(ToolCall {
            id: id.to_owned(),
            name: "add".to_owned(),
            args: Some(serde_json::from_value(args.clone())?),
            result: result.to_owned(),
            error: error.to_owned(),
            status: status_of.into(),
            ..Default::default()
        });
    }
    api.report(&id, status).await?;
    let shown = stack.cli().run(["logs", &id]).await?.ok()?;
    for line in [
        "tool add {\"a\":2,\"b\":3}",
        "tool add done: 5",
        "tool add failed: too large",
        "sub-agent checker: check it",
        "sub-agent checker done: it is fine",
        "Phase: COMPLETED",
    ] {
        ensure!(
            shown.stdout.lines().any(|l| l == line),
            "no {line:?}: {shown:#?}"
        );
    }
    let followed = stack.cli().run(["logs", "--follow", &id]).await?.ok()?;
    ensure!(followed.stdout.contains("sub-agents: 1"), "{followed:#?}");
    let whole = stack.cli().run(["logs", &id, "-o", "json"]).await?.json()?;
    ensure!(whole["toolCalls"][1]["error"] == "too large", "{whole:#}");
    ensure!(
        whole["subAgentExecutions"][0]["output"] == "it is fine",
        "{whole:#}"
    );
    Ok(())
}
