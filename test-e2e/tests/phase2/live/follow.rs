use stigmer_api::{
    agentexecution::{ExecutionPhase, MessageType},
    resource::Resource,
};
use test_e2e::{Result, Stack, ensure, follow, unique};

#[tokio::test]
async fn the_answer_streams_into_the_execution() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("streams")).await?;
    let message = "Tell me a long story about the sea, with many sentences.";
    let id = api.new_execution(&agent, message).await?;
    let mut states = follow(&api, id.id()).await?;
    let mut growing: Vec<String> = Vec::new();
    let mut phases = Vec::new();
    while let Some(state) = states.message().await? {
        if phases.last() != Some(&state.phase()) {
            phases.push(state.phase());
        }
        let messages = state.status.unwrap_or_default().messages;
        if let Some(last) = messages.last()
            && last.r#type() == MessageType::MessageAi
            && growing.last() != Some(&last.content)
        {
            growing.push(last.content.clone());
        }
    }
    let expected = [
        ExecutionPhase::ExecutionPending,
        ExecutionPhase::ExecutionInProgress,
        ExecutionPhase::ExecutionCompleted,
    ];
    // Whoever follows sees the state of that moment first: the runner may have begun by then.
    ensure!(
        phases.len() >= 2 && expected.ends_with(&phases),
        "{phases:?}"
    );
    ensure!(growing.len() >= 2, "it came whole: {growing:?}");
    let grew = growing.windows(2).all(|two| two[1].starts_with(&two[0]));
    ensure!(grew, "{growing:?}");
    Ok(())
}
