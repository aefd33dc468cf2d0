use anyhow::ensure;
use stigmer_api::{
    agentexecution::{ExecutionPhase, MessageType},
    resource::Resource,
};
use test_e2e::{Api, Ended, Result, Stack, follow, own_pair, phase, unique, until_phase};

#[tokio::test]
async fn an_execution_goes_on_when_its_runner_was_killed() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let queue = unique("queue");
    let (server, runner) = own_pair(&mut control, &queue, &[]).await?;
    let api = Api::new(server.url()?)?;
    let agent = api.new_agent(&unique("killed")).await?;
    let message = "Tell me a long story about the sea, with many sentences.";
    let id = api.new_execution(&agent, message).await?.id().to_owned();
    let mut states = follow(&api, &id).await?;
    while let Some(state) = states.message().await? {
        ensure!(
            !phase(&state).is_terminal(),
            "it ended before its runner was killed: {state:?}"
        );
        let messages = state.status.unwrap_or_default().messages;
        if messages
            .iter()
            .any(|m| m.r#type() == MessageType::MessageAi)
        {
            break;
        }
    }
    let ended = control.kill(&runner).await?;
    ensure!(
        ended
            == Ended {
                code: None,
                signal: Some(9)
            },
        "{ended:?}"
    );
    control.restart(&runner).await?;
    let done = until_phase(&api, &id, ExecutionPhase::ExecutionCompleted).await?;
    let messages = done.status.unwrap_or_default().messages;
    ensure!(messages.len() == 2, "{messages:?}");
    ensure!(stack.temporal()?.runs(&id).await? == 1);
    Ok(())
}

#[tokio::test]
async fn a_runner_that_is_stopped_ends_clean() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let queue = unique("queue");
    let (_server, runner) = own_pair(&mut control, &queue, &[]).await?;
    let ended = control.stop(&runner).await?;
    ensure!(
        ended
            == Ended {
                code: Some(0),
                signal: None
            },
        "{ended:?}"
    );
    Ok(())
}
