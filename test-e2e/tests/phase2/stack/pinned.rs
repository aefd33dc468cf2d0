//! An agent that is changed while it runs.

use serde_json::json;
use stigmer_api::agentexecution::ExecutionPhase;
use test_e2e::{
    Answer, Api, Ask, NewAgent, Result, SkillFolder, Stack, ensure, own_pair, unique, until_phase,
};

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
    let mut own = stack.clone();
    server.url()?.clone_into(&mut own.server);
    let skill = SkillFolder::new("knots", "# Knots\n\nThis is the first.\n")?;
    skill.push(&own, None).await?;
    let agent = NewAgent::new("pinned").instructions("You are the first.");
    let agent = agent.skill(skill.slug());
    let first = agent.clone().http(&stack, &[])?.apply(&api).await?;
    let id = Ask::new(&first, script.model(), "What is 1 + 2?")
        .start(&api)
        .await?;

    script.asked(2).await?;
    // Other words, the tools are gone, and the skill is another.
    let second = agent.instructions("You are the second.");
    second.apply(&api).await?;
    skill.write("SKILL.md", "# Knots\n\nThis is the second.\n")?;
    skill.push(&own, None).await?;
    control.kill(&runner).await?;
    control.restart(&runner).await?;
    until_phase(&api, &id, ExecutionPhase::ExecutionCompleted).await?;

    let asked = script.finish().await?;
    for asked in &asked[1..] {
        let system = asked.system();
        ensure!(system.starts_with("You are the first."), "{asked:?}");
        ensure!(system.contains("This is the first."), "{asked:?}");
        ensure!(asked.tools().contains(&"add"), "{asked:?}");
    }
    ensure!(asked[1].body == asked[2].body, "{asked:?}");
    Ok(())
}
