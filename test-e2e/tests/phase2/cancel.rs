use anyhow::ensure;
use stigmer_api::{
    agentexecution::{ExecutionPhase, MessageType},
    resource::Resource,
};
use test_e2e::{Result, Stack, follow, phase, unique};

#[tokio::test]
async fn cancel_ends_a_running_execution_in_the_server_and_in_temporal() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    // A runner whose model may talk for long, so that there is something to cancel.
    let queue = unique("queue");
    let (server, _runner) =
        test_e2e::own_pair(&mut control, &queue, &[("STIGMER_LLM_MAX_TOKENS", "2000")]).await?;
    let api = test_e2e::Api::new(server.url()?)?;
    let agent = api.new_agent(&unique("cancelled")).await?;
    let message = "Count from one to one thousand, one number a line.";
    let id = api.new_execution(&agent, message).await?.id().to_owned();
    let mut states = follow(&api, &id).await?;
    loop {
        let state = states
            .message()
            .await?
            .ok_or_else(|| anyhow::anyhow!("the stream ended"))?;
        ensure!(
            !phase(&state).is_terminal(),
            "it ended before it was cancelled: {state:?}"
        );
        let messages = state.status.unwrap_or_default().messages;
        if messages
            .iter()
            .any(|m| m.r#type() == MessageType::MessageAi)
        {
            break;
        }
    }
    let output = stack
        .cli_at(server.url()?)
        .run(["cancel", &id])
        .await?
        .ok()?;
    ensure!(output.stdout.contains("CANCELLED"), "{output:#?}");
    let execution = api.get_execution(&id).await?;
    ensure!(
        phase(&execution) == ExecutionPhase::ExecutionCancelled,
        "{execution:?}"
    );
    ensure!(!execution.status.unwrap_or_default().completed_at.is_empty());
    // The workflow closes right after its last report; the wait for it is Temporal's own.
    ensure!(stack.temporal()?.closed(&id).await? == "CANCELED");
    Ok(())
}
