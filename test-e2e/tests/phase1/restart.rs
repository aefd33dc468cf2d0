use stigmer_api::{agentexecution::ExecutionPhase, resource::Resource};
use test_e2e::{Api, Ended, Result, Stack, ensure, unique, until_phase};

/// What was answered before a server ended is there when it is back.
async fn answered_is_kept(kill: bool) -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let server = control.start("server", &[]).await?;
    let api = Api::new(server.url()?)?;
    let agent = api.new_agent(&unique("kept")).await?;
    let execution = api.new_execution(&agent, "hello").await?;
    let ended = if kill {
        control.kill(&server).await?
    } else {
        control.stop(&server).await?
    };
    let expected = match kill {
        true => Ended {
            code: None,
            signal: Some(9),
        },
        false => Ended {
            code: Some(0),
            signal: None,
        },
    };
    ensure!(ended == expected, "{ended:?}");

    let server = control.restart(&server).await?;
    let api = Api::new(server.url()?)?;
    ensure!(api.agent_by_slug(agent.slug()).await? == agent);
    ensure!(api.get_execution(execution.id()).await? == execution);
    // And it goes on: the next id and the next write work.
    let next = api.new_execution(&agent, "hello again").await?;
    ensure!(next.id() > execution.id());
    control.stop(&server).await?;
    Ok(())
}

#[tokio::test]
async fn what_was_answered_survives_sigterm() -> Result {
    answered_is_kept(false).await
}

#[tokio::test]
async fn what_was_answered_survives_sigkill() -> Result {
    answered_is_kept(true).await
}

#[tokio::test]
async fn without_an_answer_from_temporal_executions_wait_and_say_so() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    // Port 1 is nobody's: it needs root and has no service.
    let server = control
        .start("server", &[("TEMPORAL_ADDRESS", "127.0.0.1:1")])
        .await?;
    let api = Api::new(server.url()?)?;
    let agent = api.new_agent(&unique("waits")).await?;
    let execution = api.new_execution(&agent, "hello").await?;
    let mut states = test_e2e::follow(&api, execution.id()).await?;
    while let Some(state) = states.message().await? {
        ensure!(
            state.phase() == ExecutionPhase::ExecutionPending,
            "{state:?}"
        );
        let reason = state.status.unwrap_or_default().phase_reason;
        if reason.contains("cannot reach Temporal at 127.0.0.1:1") {
            break;
        }
    }
    let output = stack
        .cli_at(server.url()?)
        .run(["cancel", execution.id()])
        .await?
        .ok()?;
    ensure!(output.stdout.contains("CANCELLED"), "{output:#?}");
    until_phase(&api, execution.id(), ExecutionPhase::ExecutionCancelled).await?;
    ensure!(control.stop(&server).await?.code == Some(0));
    Ok(())
}
