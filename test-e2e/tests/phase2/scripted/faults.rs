//! Models that misbehave: asked again within bounds, or given up with a reason; never twice for
//! what was answered.

use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use test_e2e::{Answer, Ask, NewAgent, Result, Script, Stack, ensure, unique};

/// What a runner asks before it gives up.
const ATTEMPTS: usize = 5;

/// Asks once; the first answer is `fault`, the second a good one. All that the model was asked.
async fn mended(fault: Answer) -> Result<Vec<test_e2e::SeenRequest>> {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("mended").await?;
    script.answer(fault).await?;
    script.answer(Answer::text("Good.")).await?;
    let agent = NewAgent::new("mended").apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Hello.")
        .completed(&api)
        .await?;
    ensure!(done.answer()? == "Good.", "{done:?}");
    ensure!(
        done.status()?.messages.len() == 2,
        "the failed attempt left a trace: {done:?}"
    );
    let asked = script.finish().await?;
    ensure!(asked.len() == 2, "{asked:?}");
    ensure!(
        asked[0].body == asked[1].body,
        "it was asked something else: {asked:?}"
    );
    Ok(asked)
}

/// Asks an agent whose model always says `fault`; why the execution failed.
async fn given_up(script: &Script, attempts: usize) -> Result<String> {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = NewAgent::new("given-up").apply(&api).await?;
    let error = Ask::new(&agent, script.model(), "Hello.")
        .failed(&api)
        .await?;
    let asked = script.finish().await?;
    ensure!(
        asked.len() == attempts,
        "asked {} times, not {attempts}",
        asked.len()
    );
    Ok(error)
}

#[tokio::test]
async fn a_busy_model_is_asked_again_when_it_says() -> Result {
    let asked = mended(
        Answer::status(429)
            .header("retry-after", "1")
            .body("slow down"),
    )
    .await?;
    let waited = asked[1].at - asked[0].at;
    ensure!(
        waited >= Duration::from_millis(990),
        "asked again after {waited:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_model_that_fails_once_is_asked_again() -> Result {
    mended(Answer::status(500).body("oops")).await?;
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_cut_is_asked_for_again() -> Result {
    mended(Answer::pieces(["The ans", "wer is"]).cut_after(2)).await?;
    Ok(())
}

#[tokio::test]
async fn garbage_is_asked_for_again() -> Result {
    mended(Answer::garbage()).await?;
    Ok(())
}

#[tokio::test]
async fn a_model_that_always_fails_is_given_up_after_five_times() -> Result {
    let stack = Stack::get()?;
    let script = stack.script("always").await?;
    for _ in 0..ATTEMPTS {
        script
            .answer(Answer::status(503).body("no capacity"))
            .await?;
    }
    let error = given_up(&script, ATTEMPTS).await?;
    ensure!(
        error.contains("503") && error.contains("no capacity"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_model_that_refuses_is_not_asked_again() -> Result {
    let stack = Stack::get()?;
    let script = stack.script("refuses").await?;
    script
        .answer(Answer::status(400).body("context length exceeded"))
        .await?;
    let error = given_up(&script, 1).await?;
    ensure!(error.contains("context length exceeded"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_model_without_an_answer_fails_the_execution_and_shows_the_question() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("mute").await?;
    let agent = NewAgent::new("mute").apply(&api).await?;
    let error = Ask::new(&agent, script.model(), "A question.")
        .failed(&api)
        .await?;
    ensure!(error.contains(script.model()), "{error}");
    let told = script
        .finish()
        .await
        .err()
        .context("nobody missed an answer")?;
    ensure!(told.to_string().contains("A question."), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_fault_in_the_middle_repeats_nothing_that_was_answered() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("middle").await?;
    script
        .answer(Answer::tool("note", json!({ "text": "once" })))
        .await?;
    script
        .answer(Answer::status(502).body("bad gateway"))
        .await?;
    script.answer(Answer::tool("notes", json!({}))).await?;
    script.answer(Answer::pieces(["Onl"]).cut_after(1)).await?;
    script.answer(Answer::text("Only once.")).await?;
    let folder = tempfile::tempdir()?;
    let notes = folder.path().join("notes");
    let notes = match stack.runtime.as_str() {
        "native" => notes.to_str().context("no UTF-8")?.to_owned(),
        _ => format!("/tmp/{}", unique("notes")),
    };
    let agent = NewAgent::new("middle").stdio(&stack, &[("MCP_PROBE_NOTES", &notes)])?;
    let agent = agent.apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Note it.")
        .completed(&api)
        .await?;
    let names: Vec<&str> = done.tools()?.iter().map(|t| t.name.as_str()).collect();
    ensure!(names == ["note", "notes"], "{names:?}");
    let noted = &done.tools()?[1].result;
    ensure!(
        noted.matches("once").count() == 1,
        "noted more than once: {noted}"
    );
    ensure!(script.finish().await?.len() == 5);
    Ok(())
}
