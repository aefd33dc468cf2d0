use anyhow::ensure;
use stigmer_api::agentexecution::ExecutionPhase;
use test_e2e::{HeldModel, Result, Stack, phase};

#[tokio::test]
async fn cancel_ends_a_running_execution_in_the_server_and_in_temporal() -> Result {
    let stack = Stack::get()?;
    let held = HeldModel::start(&stack, &mut stack.control().await?).await?;
    let id = held.answering().await?;

    let cli = stack.cli_at(held.server.url()?);
    let output = cli.run(["cancel", &id]).await?.ok()?;
    ensure!(output.stdout.contains("CANCELLED"), "{output:#?}");
    let execution = held.api.get_execution(&id).await?;
    ensure!(
        phase(&execution) == ExecutionPhase::ExecutionCancelled,
        "{execution:?}"
    );
    ensure!(!execution.status.unwrap_or_default().completed_at.is_empty());
    ensure!(stack.temporal()?.closed(&id).await? == "CANCELED");
    Ok(())
}
