//! An agent that is changed while it runs.

use serde_json::json;
use stigmer_api::agentexecution::ExecutionPhase;
use test_e2e::{Answer, Api, Ask, NewAgent, Result, Stack, ensure, own_pair, unique, until_phase};

#[tokio::test]
async fn an_execution_that_changes_runners_keeps_the_agent_that_it_began_with() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let (server, runner) = own_pair(&mut control, &unique("queue"), &[]).await?;
    let api = Api::new(server.url()?)?;
    let script = stack.script("pinned").await?;
    let call = Answer::tool("add", json!({ "a": 1, "b": 2 }));
    script.answer(call).await?;
    script.answer(Answer::pieces(["It", " is"]).hold()).await?;
    script.answer(Answer::text("It is 3.")).await?;
    let agent = NewAgent::new("pinned").instructions("You are the first.");
    let first = agent.clone().http(&stack, &[])?.apply(&api).await?;
    let id = Ask::new(&first, script.model(), "What is 1 + 2?")
        .start(&api)
        .await?;

    script.asked(2).await?;
    // Other words, and the tools are gone.
    let second = agent.instructions("You are the second.");
    second.apply(&api).await?;
    control.kill(&runner).await?;
    control.restart(&runner).await?;
    until_phase(&api, &id, ExecutionPhase::ExecutionCompleted).await?;

    let asked = script.finish().await?;
    for asked in &asked[1..] {
        ensure!(
            asked.messages()[0] == ("system", "You are the first."),
            "{asked:?}"
        );
        ensure!(asked.tools().contains(&"add"), "{asked:?}");
    }
    ensure!(asked[1].body == asked[2].body, "{asked:?}");
    Ok(())
}
