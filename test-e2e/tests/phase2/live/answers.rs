use anyhow::Context;
use futures::future::try_join_all;
use stigmer_api::{
    agentexecution::{AgentExecution, ExecutionPhase, MessageType},
    resource::Resource,
};
use test_e2e::{NewAgent, Project, Result, Stack, ensure, unique, until_phase};

const COMPLETED: ExecutionPhase = ExecutionPhase::ExecutionCompleted;

/// The agent's last words.
fn answer(execution: &AgentExecution) -> Result<&str> {
    let last = execution.status.as_ref().and_then(|s| s.messages.last());
    let last = last.with_context(|| format!("no messages: {execution:?}"))?;
    ensure!(
        last.r#type() == MessageType::MessageAi,
        "the last word is not the agent's: {last:?}"
    );
    Ok(&last.content)
}

#[tokio::test]
async fn an_agent_runs_from_its_file_to_its_answer() -> Result {
    let stack = Stack::get()?;
    let (api, temporal) = (stack.api()?, stack.temporal()?);
    let name = unique("whole");
    let project = Project::of(&[&name])?;
    let cli = stack.cli().within(project.path());
    cli.run(["apply"]).await?.ok()?;
    let args = [
        "run",
        &name,
        "--message",
        "Say hello.",
        "--no-follow",
        "-o",
        "json",
    ];
    let printed = cli.run(args).await?.json()?;
    let id = printed["metadata"]["id"].as_str().context("no id")?;

    let done = until_phase(&api, id, COMPLETED).await?;
    ensure!(!answer(&done)?.trim().is_empty(), "{done:?}");
    let status = done.status.clone().context("no status")?;
    ensure!(status.error.is_empty(), "{status:?}");
    ensure!(
        !status.started_at.is_empty() && status.started_at <= status.completed_at,
        "{status:?}"
    );
    ensure!(
        status.messages.len() == 2 && status.messages[0].content == "Say hello.",
        "{status:?}"
    );
    ensure!(temporal.closed(id).await? == "COMPLETED");
    ensure!(temporal.runs(id).await? == 1);
    Ok(())
}

#[tokio::test]
async fn four_executions_at_once_complete_each_with_its_own_message() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = NewAgent::new("four").apply(&api).await?;
    let runs = (0..4).map(|i| {
        let (api, agent) = (&api, &agent);
        async move {
            let message = format!("Say the number {i}.");
            let id = api.new_execution(agent, &message).await?.id().to_owned();
            let done = until_phase(api, &id, COMPLETED).await?;
            let messages = &done.status.as_ref().context("no status")?.messages;
            ensure!(
                messages[0].content == message,
                "the message of another: {messages:?}"
            );
            ensure!(!answer(&done)?.trim().is_empty(), "{done:?}");
            Ok(())
        }
    });
    try_join_all(runs).await?;
    Ok(())
}
