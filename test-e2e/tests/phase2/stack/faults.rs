use stigmer_api::{
    agentexecution::{AgentExecution, ExecutionPhase},
    resource::Resource,
};
use test_e2e::{Answer, Api, Ask, Result, Stack, ensure, own_pair, unique, until, until_phase};

/// How long a dead model may keep an execution: five attempts, 0.2, 0.4, 0.8 and 1.6 s apart,
/// are 3 s; the rest is for a machine that runs three stacks at once.
const BOUND: std::time::Duration = std::time::Duration::from_secs(20);

#[tokio::test]
async fn a_dead_model_fails_the_execution_and_names_its_address() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let queue = unique("queue");
    // Port 1 is nobody's: it needs root and has no service.
    let dead = [("STIGMER_LLM_BASE_URL", "http://127.0.0.1:1/v1")];
    let (server, _runner) = own_pair(&mut control, &queue, &dead).await?;
    let api = Api::new(server.url()?)?;
    let agent = api.new_agent(&unique("dead")).await?;
    let id = api.new_execution(&agent, "hello").await?;
    let id = id.id().to_owned();
    // Who follows another one to its end is told by the exit code too.
    let cli = stack.cli_at(server.url()?);
    let following = cli.run(["run", agent.slug(), "--message", "hello"]);
    let failed = until_phase(&api, &id, ExecutionPhase::ExecutionFailed);
    let both = async { tokio::try_join!(failed, following) };
    let (failed, output) = tokio::time::timeout(BOUND, both).await??;

    let status = failed.status.unwrap_or_default();
    ensure!(status.error.contains("127.0.0.1:1/v1"), "{status:?}");
    ensure!(status.error.contains("cannot be reached"), "{status:?}");
    ensure!(!status.completed_at.is_empty(), "{status:?}");
    ensure!(stack.temporal()?.closed(&id).await? == "FAILED");
    ensure!(
        output.code == Some(1) && output.stderr.contains("127.0.0.1:1/v1"),
        "{output:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn executions_wait_for_a_temporal_that_is_late_over_a_restart_of_the_server() -> Result {
    let stack = Stack::get()?;
    let temporal = stack
        .temporal
        .clone()
        .ok_or_else(|| anyhow::anyhow!("no Temporal"))?;
    let mut control = stack.control().await?;
    let relay = control.relay(&temporal.address).await?;
    control.close(&relay).await?;
    let script = stack.script("late").await?;
    script
        .answer(Answer::text("Better late than never."))
        .await?;
    // The shared runner does the work: it loads from the shared server, so the execution must be
    // of a pair of its own.
    let queue = unique("queue");
    let env = [
        ("TEMPORAL_ADDRESS", relay.url()?),
        ("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE", queue.as_str()),
    ];
    let server = control.start("server", &env).await?;
    let api = Api::new(server.url()?)?;
    let agent = api.new_agent(&unique("late")).await?;
    let id = Ask::new(&agent, script.model(), "hello")
        .start(&api)
        .await?;
    // The first state may be from before the first try; one that failed says why.
    let waits = |state: &AgentExecution| {
        let reason = state.status.as_ref().map(|s| s.phase_reason.as_str());
        // In containers the way to the relay has an address of its own.
        reason.is_some_and(|r| r.contains("cannot reach Temporal at "))
    };
    let state = until(&api, &id, waits).await?;
    ensure!(
        state.phase() == ExecutionPhase::ExecutionPending,
        "{state:?}"
    );
    // The server that noted it is gone by then, and the next one finds Temporal away too.
    control.kill(&server).await?;
    let server = control.restart(&server).await?;
    let api = Api::new(server.url()?)?;
    let env = [
        ("STIGMER_BACKEND_ENDPOINT", server.url()?),
        ("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE", queue.as_str()),
    ];
    control.start("runner", &env).await?;
    control.open(&relay).await?;
    until_phase(&api, &id, ExecutionPhase::ExecutionCompleted).await?;
    ensure!(stack.temporal()?.runs(&id).await? == 1);
    script.finish().await?;
    Ok(())
}
