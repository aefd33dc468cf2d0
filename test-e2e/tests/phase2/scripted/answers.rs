use anyhow::Context;
use stigmer_api::agentexecution::{AgentExecution, ExecutionPhase, MessageType};
use test_e2e::{Answer, Ask, NewAgent, Result, Stack, ensure, follow, until};

/// The last message, if it is the agent's.
fn said(execution: &AgentExecution) -> Option<&str> {
    let last = execution.status.as_ref()?.messages.last()?;
    (last.r#type() == MessageType::MessageAi).then_some(last.content.as_str())
}

#[tokio::test]
async fn the_answer_is_the_models_word_for_word() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("words").await?;
    let words = "  Two lines,\n\tone \"quote\" and ä€😀.  ";
    script.answer(Answer::text(words)).await?;
    let agent = NewAgent::new("words").instructions("You are exact, always.");
    let agent = agent.apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Say them.")
        .completed(&api)
        .await?;

    ensure!(done.answer()? == words, "{:?}", done.answer());
    let speakers = [MessageType::MessageHuman, MessageType::MessageAi];
    ensure!(done.speakers()? == speakers, "{:?}", done.speakers());
    let status = done.status()?;
    ensure!(
        status.error.is_empty() && status.tool_calls.is_empty(),
        "{status:?}"
    );
    ensure!(!status.started_at.is_empty() && status.started_at <= status.completed_at);
    let asked = script.finish().await?;
    ensure!(asked.len() == 1, "{asked:?}");
    ensure!(asked[0].system() == "You are exact, always.", "{asked:?}");
    ensure!(
        asked[0].last() == "Say them." && asked[0].tools().is_empty(),
        "{asked:?}"
    );
    Ok(())
}

#[tokio::test]
async fn each_piece_is_shown_as_soon_as_it_comes() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("pieces").await?;
    let pieces = Answer::pieces(["One"])
        .hold()
        .then(", two")
        .hold()
        .then(", three.");
    script.answer(pieces).await?;
    let agent = NewAgent::new("pieces").apply(&api).await?;
    let id = Ask::new(&agent, script.model(), "Count.")
        .start(&api)
        .await?;

    // Each wait ends while the model holds the rest back.
    let first = until(&api, &id, |e| said(e) == Some("One")).await?;
    ensure!(
        first.phase() == ExecutionPhase::ExecutionInProgress,
        "{first:?}"
    );
    script.release().await?;
    until(&api, &id, |e| said(e) == Some("One, two")).await?;
    script.release().await?;
    let done = test_e2e::until_ended(&api, &id).await?;
    ensure!(said(&done) == Some("One, two, three."), "{done:?}");
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn of_many_pieces_none_is_lost_and_none_comes_twice() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("many").await?;
    let pieces: Vec<String> = (0..500).map(|n| format!("{n};")).collect();
    script.answer(Answer::pieces(&pieces)).await?;
    let agent = NewAgent::new("many").apply(&api).await?;
    let id = Ask::new(&agent, script.model(), "Count.")
        .start(&api)
        .await?;

    let whole = pieces.concat();
    let (mut states, mut last) = (follow(&api, &id).await?, String::new());
    while let Some(state) = states.message().await? {
        if let Some(text) = said(&state) {
            ensure!(text.starts_with(&last), "{last:?} became {text:?}");
            ensure!(whole.starts_with(text), "{text:?}");
            text.clone_into(&mut last);
        }
    }
    ensure!(last == whole, "{last}");
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_empty_answer_is_asked_for_again() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("empty").await?;
    script.answer(Answer::text("")).await?;
    script.answer(Answer::text("Here.")).await?;
    let agent = NewAgent::new("empty").apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Hello?")
        .completed(&api)
        .await?;
    ensure!(done.answer()? == "Here.");
    ensure!(script.finish().await?.len() == 2);
    Ok(())
}

#[tokio::test]
async fn a_long_answer_arrives_whole() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("long").await?;
    let text = "All work and no play makes a dull story. ".repeat(5_000);
    script.answer(Answer::text(&text)).await?;
    let agent = NewAgent::new("long").apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Go on.")
        .completed(&api)
        .await?;
    ensure!(
        done.answer()? == text,
        "{} of {} bytes",
        done.answer()?.len(),
        text.len()
    );
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn run_prints_the_answer_and_the_tools_of_the_agent() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("prints").await?;
    script
        .answer(Answer::tool("add", serde_json::json!({ "a": 20, "b": 22 })))
        .await?;
    script.answer(Answer::text("It is 42, exactly.")).await?;
    let agent = NewAgent::new("prints")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let slug = &agent.metadata.as_ref().context("no metadata")?.slug;
    let args = ["run", slug, "--message", "Add.", "--model", script.model()];
    let output = stack.cli().run(args).await?.ok()?;
    for word in ["add", "42", "It is 42, exactly.", "COMPLETED"] {
        ensure!(output.stdout.contains(word), "no {word:?}: {output:#?}");
    }
    script.finish().await?;
    Ok(())
}
