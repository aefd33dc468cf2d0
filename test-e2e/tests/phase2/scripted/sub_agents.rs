//! Agents that agents call.

use anyhow::Context;
use serde_json::json;
use stigmer_api::{
    agentexecution::{AgentExecution, ExecutionPhase, MessageType, SubAgentStatus, ToolCallStatus},
    json::of_struct,
};
use test_e2e::{
    Answer, Ask, NewAgent, Result, SkillFolder, Stack, bail, ensure, until, until_phase,
};

const LIBRARIAN: &str = "You are the librarian of this house.";

#[tokio::test]
async fn a_sub_agent_answers_its_agent() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("delegates").await?;
    let question = json!({ "input": "Where is Moby Dick?" });
    script
        .answer(Answer::tool("agent_librarian", question))
        .await?;
    script
        .answer(Answer::text("Third shelf.").when_system(LIBRARIAN))
        .await?;
    script
        .answer(Answer::text("It is on the third shelf."))
        .await?;
    let agent = NewAgent::new("delegates").sub_agent("librarian", LIBRARIAN, &[], &[], &[]);
    let agent = agent.apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Find Moby Dick.")
        .completed(&api)
        .await?;

    ensure!(done.answer()? == "It is on the third shelf.");
    let [sub] = done.status()?.sub_agent_executions.as_slice() else {
        bail!("not one sub-agent: {done:?}")
    };
    ensure!(
        sub.name == "librarian" && sub.input == "Where is Moby Dick?",
        "{sub:?}"
    );
    ensure!(
        sub.output == "Third shelf." && sub.error.is_empty(),
        "{sub:?}"
    );
    ensure!(sub.status() == SubAgentStatus::SubAgentCompleted, "{sub:?}");
    ensure!(
        !sub.started_at.is_empty() && sub.started_at <= sub.completed_at,
        "{sub:?}"
    );
    ensure!(done.tool()?.result == "Third shelf.", "{done:?}");

    let asked = script.finish().await?;
    ensure!(asked[1].system() == LIBRARIAN && asked[1].last() == "Where is Moby Dick?");
    ensure!(
        !asked[1]
            .messages()
            .iter()
            .any(|(_, text)| text.contains("Find Moby")),
        "{asked:?}"
    );
    ensure!(asked[2].tool_results() == ["Third shelf."], "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn a_sub_agents_words_are_never_shown_as_its_agents() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("words").await?;
    let question = json!({ "input": "Where is Moby Dick?" });
    let delegates = Answer::tool("agent_librarian", question).saying("I shall ask.");
    script.answer(delegates).await?;
    // Neither what is said beside a call nor what is said as it comes.
    let looks = Answer::tool("echo", json!({ "text": "shelves" })).saying("On the way.");
    script.answer(looks.when_system(LIBRARIAN)).await?;
    let words = Answer::pieces(["On the ", "third shelf."]);
    script.answer(words.when_system(LIBRARIAN)).await?;
    script.answer(Answer::text("I know it.")).await?;
    let agent = NewAgent::new("words").stdio(&stack, &[])?.sub_agent(
        "librarian",
        LIBRARIAN,
        &["probe"],
        &[],
        &[],
    );
    let agent = agent.apply(&api).await?;
    let ask = Ask::new(&agent, script.model(), "Find Moby Dick.");
    let id = ask.start(&api).await?;
    let said = |execution: &AgentExecution| -> Vec<String> {
        let messages = execution.status.iter().flat_map(|s| &s.messages);
        let own = messages.filter(|m| m.r#type() == MessageType::MessageAi);
        own.map(|m| m.content.clone()).collect()
    };
    let foreign = |e: &AgentExecution| said(e).iter().any(|text| text.starts_with("On the"));
    let seen = |e: &AgentExecution| foreign(e) || e.phase().is_terminal();
    let last = until(&api, &id, seen).await?;
    ensure!(said(&last) == ["I shall ask.", "I know it."], "{last:?}");
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_sub_agent_has_its_own_tools_and_skills_and_no_others() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let skill = SkillFolder::new("catalogue", "# Catalogue\n\nShelves are numbered.\n")?;
    skill.push(&stack, None).await?;
    let script = stack.script("own").await?;
    script
        .answer(Answer::tool("agent_librarian", json!({ "input": "Add." })))
        .await?;
    let add = Answer::tool("add", json!({ "a": 1, "b": 2 })).when_system(LIBRARIAN);
    script.answer(add).await?;
    script
        .answer(Answer::text("Three.").when_system(LIBRARIAN))
        .await?;
    script.answer(Answer::text("Three it is.")).await?;
    let agent = NewAgent::new("own")
        .stdio(&stack, &[])?
        .only(&["add", "echo", "pid"]);
    let agent = agent.sub_agent(
        "librarian",
        LIBRARIAN,
        &["probe"],
        &["add"],
        &[skill.slug()],
    );
    let agent = agent.apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Go.")
        .completed(&api)
        .await?;

    ensure!(done.answer()? == "Three it is.");
    let [sub] = done.status()?.sub_agent_executions.as_slice() else {
        bail!("not one sub-agent: {done:?}")
    };
    let calls = of_struct(&sub.metadata.clone().unwrap_or_default());
    let call = &calls["tool_calls"][0];
    ensure!(call["name"] == "add" && call["result"] == "3", "{calls}");
    let asked = script.finish().await?;
    let mut of_main = asked[0].tools();
    of_main.sort_unstable();
    ensure!(
        of_main == ["add", "agent_librarian", "echo", "pid"],
        "{of_main:?}"
    );
    let mut of_sub = asked[1].tools();
    of_sub.sort_unstable();
    ensure!(of_sub == ["add", "list_files", "read_file"], "{of_sub:?}");
    ensure!(!asked[0].system().contains("Shelves are numbered."));
    ensure!(asked[1].system().contains("Shelves are numbered."));
    Ok(())
}

#[tokio::test]
async fn two_sub_agents_work_side_by_side() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("pair").await?;
    let call = |who: &'static str| (who, json!({ "input": "Go." }));
    script
        .answer(Answer::tools([call("agent_left"), call("agent_right")]))
        .await?;
    // Neither is answered before both have asked: one after the other would wait for ever.
    for side in ["left", "right"] {
        let held = Answer::pieces([""; 0]).hold().then(side);
        script
            .answer(held.when_system(&format!("You are the {side} one.")))
            .await?;
    }
    script.answer(Answer::text("Both.")).await?;
    let agent = NewAgent::new("pair")
        .sub_agent("left", "You are the left one.", &[], &[], &[])
        .sub_agent("right", "You are the right one.", &[], &[], &[]);
    let agent = agent.apply(&api).await?;
    let id = Ask::new(&agent, script.model(), "Go.").start(&api).await?;
    script.asked(3).await?;
    script.release().await?;
    script.release().await?;
    let done = until_phase(&api, &id, ExecutionPhase::ExecutionCompleted).await?;
    let subs = done.status.context("no status")?.sub_agent_executions;
    let said: Vec<&str> = subs.iter().map(|sub| sub.output.as_str()).collect();
    ensure!(said == ["left", "right"], "{subs:?}");
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_sub_agent_that_fails_is_told_to_the_model() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("stumbles").await?;
    script
        .answer(Answer::tool("agent_librarian", json!({ "input": "Go." })))
        .await?;
    let refused = Answer::status(400).body("the library is closed");
    script.answer(refused.when_system(LIBRARIAN)).await?;
    script.answer(Answer::text("It is closed.")).await?;
    let agent = NewAgent::new("stumbles").sub_agent("librarian", LIBRARIAN, &[], &[], &[]);
    let agent = agent.apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Go.")
        .completed(&api)
        .await?;
    let sub = done
        .status()?
        .sub_agent_executions
        .first()
        .context("none is shown")?;
    ensure!(sub.status() == SubAgentStatus::SubAgentFailed, "{sub:?}");
    ensure!(sub.error.contains("the library is closed"), "{sub:?}");
    ensure!(
        done.tool()?.status() == ToolCallStatus::ToolCallFailed,
        "{done:?}"
    );
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn cancel_reaches_a_sub_agent() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("halts").await?;
    script
        .answer(Answer::tool("agent_librarian", json!({ "input": "Go." })))
        .await?;
    script
        .answer(Answer::never().when_system(LIBRARIAN))
        .await?;
    let agent = NewAgent::new("halts").sub_agent("librarian", LIBRARIAN, &[], &[], &[]);
    let agent = agent.apply(&api).await?;
    let id = Ask::new(&agent, script.model(), "Go.").start(&api).await?;
    script.asked(2).await?;
    stack.cli().run(["cancel", &id]).await?.ok()?;
    let ended = until_phase(&api, &id, ExecutionPhase::ExecutionCancelled).await?;
    let status = ended.status.context("no status")?;
    // What was begun is shown as ended, too.
    let sub = status
        .sub_agent_executions
        .first()
        .context("none is shown")?;
    ensure!(sub.status() == SubAgentStatus::SubAgentFailed, "{sub:?}");
    ensure!(stack.temporal()?.closed(&id).await? == "CANCELED");
    script.left(1).await?;
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn sub_agents_that_are_called_at_once_share_what_is_left() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("shares").await?;
    let call = |who: &'static str| (who, json!({ "input": "Go." }));
    script
        .answer(Answer::tools([call("agent_left"), call("agent_right")]))
        .await?;
    // One of six is used: three are for the left one, two for the right one.
    let (left, right) = ("You are the left one.", "You are the right one.");
    script
        .answer(Answer::text("Done.").when_system(left))
        .await?;
    for n in 0..2 {
        let add = Answer::tool("add", json!({ "a": n, "b": n }));
        script.answer(add.when_system(right)).await?;
    }
    script.answer(Answer::text("One of them.")).await?;
    let agent = NewAgent::new("shares")
        .stdio(&stack, &[])?
        .sub_agent("left", left, &[], &[], &[])
        .sub_agent("right", right, &["probe"], &["add"], &[]);
    let agent = agent.apply(&api).await?;
    let ask = Ask::new(&agent, script.model(), "Go.").limits(|l| l.max_model_calls = 6);
    let done = ask.completed(&api).await?;
    let subs = &done.status()?.sub_agent_executions;
    ensure!(
        subs[0].output == "Done." && subs[0].error.is_empty(),
        "{subs:?}"
    );
    let why = "it reached its share of 2 model calls: ";
    ensure!(subs[1].error.starts_with(why), "{subs:?}");
    ensure!(done.tools()?[1].result.contains(why), "{done:?}");
    script.finish().await?;
    Ok(())
}
