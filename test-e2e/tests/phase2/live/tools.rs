//! Agents with tools: these run on a model that takes some.

use stigmer_api::agentexecution::ExecutionPhase;
use test_e2e::{Ask, NewAgent, Result, Stack, ensure};

#[tokio::test]
async fn a_model_that_was_offered_tools_still_answers() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = NewAgent::new("offered").stdio(&stack, &[])?.only(&["add"]);
    let agent = agent.apply(&api).await?;
    let model = stack.model()?.name.clone();
    let ask = Ask::new(&agent, &model, "Say hello.").limits(|l| l.max_model_calls = 5);
    let done = ask.ended(&api).await?;
    // It may call the tool or not, and be stopped for calling it for ever; it is never refused.
    let status = done.status()?;
    let stopped = ["(max_model_calls)", "goes round in circles"]
        .iter()
        .any(|why| status.error.contains(why));
    ensure!(
        status.phase() == ExecutionPhase::ExecutionCompleted || stopped,
        "{status:?}"
    );
    Ok(())
}
