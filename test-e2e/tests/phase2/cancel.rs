use anyhow::ensure;
use stigmer_api::{agentexecution::ExecutionPhase, resource::Resource};
use test_e2e::{
    Api, Relay, Result, SOME_OF_AN_ANSWER, Stack, is_answering, own_pair, phase, unique, until,
};

#[tokio::test]
async fn cancel_ends_a_running_execution_in_the_server_and_in_temporal() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    // A model that stops in the middle of its answer, so that there is something to cancel.
    let (relay, url) = Relay::to_url(&stack.model()?.base_url).await?;
    relay.hold_after(SOME_OF_AN_ANSWER);
    let queue = unique("queue");
    let model = [("STIGMER_LLM_BASE_URL", url.as_str())];
    let (server, _runner) = own_pair(&mut control, &queue, &model).await?;
    let api = Api::new(server.url()?)?;
    let agent = api.new_agent(&unique("cancelled")).await?;
    let id = api.new_execution(&agent, "Say hello.").await?;
    let id = id.id().to_owned();
    until(&api, &id, is_answering).await?;

    let cli = stack.cli_at(server.url()?);
    let output = cli.run(["cancel", &id]).await?.ok()?;
    ensure!(output.stdout.contains("CANCELLED"), "{output:#?}");
    let execution = api.get_execution(&id).await?;
    ensure!(
        phase(&execution) == ExecutionPhase::ExecutionCancelled,
        "{execution:?}"
    );
    ensure!(!execution.status.unwrap_or_default().completed_at.is_empty());
    ensure!(stack.temporal()?.closed(&id).await? == "CANCELED");
    Ok(())
}
