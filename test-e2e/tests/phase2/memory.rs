use anyhow::{Context, ensure};
use serde_json::json;
use stigmer_api::{agentexecution::ExecutionPhase, resource::Resource};
use test_e2e::{Result, Stack, execution, unique, until_phase};

#[tokio::test]
async fn a_session_remembers_what_was_said_in_it() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("remembers")).await?;
    let first = api.new_execution(&agent, "My name is Ada.").await?;
    let first = until_phase(&api, first.id(), ExecutionPhase::ExecutionCompleted).await?;
    let answer = first
        .status
        .clone()
        .unwrap_or_default()
        .messages
        .pop()
        .context("no answer")?;

    let mut second = execution("", "What is my name?");
    let session = first.spec.clone().unwrap_or_default().session_id;
    second.spec.get_or_insert_default().session_id = session;
    let second = api.executions().create(second).await?.into_inner();
    until_phase(&api, second.id(), ExecutionPhase::ExecutionCompleted).await?;

    let history = stack.temporal()?.history(second.id()).await?;
    let asked = history.iter().find(|e| e.activity() == Some("CallModel"));
    let asked = &asked.context("the model was not asked")?.input()["conversation"];
    let expected = json!([
        { "role": "system", "content": agent.spec.clone().unwrap_or_default().instructions },
        { "role": "user", "content": "My name is Ada." },
        { "role": "assistant", "content": answer.content },
        { "role": "user", "content": "What is my name?" },
    ]);
    ensure!(*asked == expected, "{asked:#}");

    // Another session knows nothing of it.
    let other = api.new_execution(&agent, "What is my name?").await?;
    until_phase(&api, other.id(), ExecutionPhase::ExecutionCompleted).await?;
    let history = stack.temporal()?.history_text(other.id()).await?;
    ensure!(!history.contains("Ada"), "a session knows another's words");
    Ok(())
}
