use anyhow::{Context, ensure};
use futures::future::try_join_all;
use stigmer_api::{
    agentexecution::{AgentExecution, ExecutionConfig, ExecutionPhase, MessageType},
    resource::Resource,
};
use test_e2e::{Event, Project, Relay, Result, Stack, execution, unique, until_phase};

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

fn activities(history: &[Event]) -> Vec<&str> {
    history.iter().filter_map(Event::activity).collect()
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

    let history = temporal.history(id).await?;
    let done = [
        "PrepareExecution",
        "ReportStatus",
        "CallModel",
        "ReportStatus",
    ];
    ensure!(activities(&history) == done, "{:?}", activities(&history));
    ensure!(temporal.status(id).await? == "COMPLETED");
    ensure!(temporal.runs(id).await? == 1);
    Ok(())
}

#[tokio::test]
async fn ten_executions_at_once_complete_each_with_its_own_answer() -> Result {
    let stack = Stack::get()?;
    let (api, temporal) = (stack.api()?, stack.temporal()?);
    let agent = api.new_agent(&unique("ten")).await?;
    let runs = (0..10).map(|i| {
        let (api, agent, temporal) = (&api, &agent, &temporal);
        async move {
            let message = format!("Say the number {i}.");
            let id = api.new_execution(agent, &message).await?.id().to_owned();
            let done = until_phase(api, &id, COMPLETED).await?;
            let messages = &done.status.as_ref().context("no status")?.messages;
            ensure!(
                messages[0].content == message,
                "the message of another: {messages:?}"
            );
            // What the model answered to this execution's question, as Temporal kept it.
            let history = temporal.history(&id).await?;
            let asked = history.iter().find(|e| e.activity() == Some("CallModel"));
            let asked = asked.context("the model was not asked")?.input();
            ensure!(asked["execution_id"] == id.as_str(), "{asked}");
            let results = history
                .iter()
                .filter(|e| e.kind() == "ACTIVITY_TASK_COMPLETED");
            let said = results
                .map(|e| &e.attributes()["result"][0])
                .find(|r| r.is_string());
            ensure!(
                said.and_then(|s| s.as_str()) == Some(answer(&done)?),
                "{said:?}"
            );
            Ok(())
        }
    });
    try_join_all(runs).await?;
    Ok(())
}

#[tokio::test]
async fn the_model_of_an_execution_is_the_one_that_is_asked() -> Result {
    let stack = Stack::get()?;
    let model = stack.model()?;
    let mut control = stack.control().await?;
    let (relay, url) = Relay::to_url(&model.base_url).await?;
    let queue = unique("queue");
    let env = [("STIGMER_LLM_BASE_URL", url.as_str())];
    let (server, _runner) = test_e2e::own_pair(&mut control, &queue, &env).await?;
    let api = test_e2e::Api::new(server.url()?)?;
    let agent = api.new_agent(&unique("model")).await?;
    let mut named = execution(agent.id(), "Say hello.");
    let spec = named.spec.get_or_insert_default();
    spec.execution_config = Some(ExecutionConfig {
        model_name: model.name.clone(),
    });
    let mut other = named.clone();
    other.metadata_mut().name = unique("other");
    let other_name = unique("other-model");
    other.spec.get_or_insert_default().execution_config = Some(ExecutionConfig {
        model_name: other_name.clone(),
    });

    let id = api
        .executions()
        .create(named)
        .await?
        .into_inner()
        .id()
        .to_owned();
    until_phase(&api, &id, COMPLETED).await?;
    ensure!(
        relay
            .sent()
            .contains(&format!("\"model\":\"{}\"", model.name)),
        "{}",
        relay.sent()
    );
    // A model may refuse a name that it does not know; it was asked for it all the same.
    let id = api
        .executions()
        .create(other)
        .await?
        .into_inner()
        .id()
        .to_owned();
    test_e2e::until_ended(&api, &id).await?;
    ensure!(
        relay
            .sent()
            .contains(&format!("\"model\":\"{other_name}\"")),
        "{}",
        relay.sent()
    );
    Ok(())
}
