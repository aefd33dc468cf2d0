//! Talk that is larger than a model, a message or Temporal takes.

use serde_json::json;
use test_e2e::{Answer, Ask, NewAgent, Result, Stack, ensure};

#[tokio::test]
async fn results_that_the_model_has_not_seen_are_cut_and_never_dropped() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("heaps").await?;
    let big = |n: usize| ("big", json!({ "bytes": 60_000 + n }));
    script.answer(Answer::tools([big(0)])).await?;
    // More than a conversation holds.
    script.answer(Answer::tools((1..=15).map(big))).await?;
    script.answer(Answer::text("Read.")).await?;
    let agent = NewAgent::new("heaps")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let ask = Ask::new(&agent, script.model(), "Read it all.");
    let done = ask.completed(&api).await?;
    ensure!(done.answer()? == "Read.");
    let asked = script.finish().await?;
    let results = asked[2].tool_results();
    ensure!(
        results[0].contains("dropped: 60000 bytes"),
        "{}",
        results[0]
    );
    let lengths: Vec<usize> = results[1..].iter().map(|r| r.len()).collect();
    ensure!(lengths.iter().all(|l| *l > 40_000), "{lengths:?}");
    let noted = |r: &&str| r.contains("[cut: this is the first ") && r.contains(" of 600");
    ensure!(results[1..].iter().all(noted), "{lengths:?}");
    Ok(())
}

#[tokio::test]
async fn long_words_do_not_pile_up() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("wordy").await?;
    // Together more than Temporal takes in one piece.
    for n in 0..5 {
        let call = Answer::tool("add", json!({ "a": n, "b": 1 }));
        script.answer(call.saying(&"x".repeat(500 << 10))).await?;
    }
    script.answer(Answer::text("Said.")).await?;
    let agent = NewAgent::new("wordy")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "Say it.")
        .completed(&api)
        .await?;
    let first = &done.status()?.messages[1].content;
    ensure!(first.starts_with("[dropped: 512000 bytes"), "{first:.100}");
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_session_of_many_mebibytes_goes_on() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("tomes").await?;
    let agent = NewAgent::new("tomes")
        .stdio(&stack, &[])?
        .only(&["big"])
        .apply(&api)
        .await?;
    let ask = || Ask::new(&agent, script.model(), "Go on.");
    let mut session = String::new();
    // An execution shows each result four times: four of 700 KB are more than one message between
    // server and runner holds.
    for _ in 0..4 {
        let calls = (0..11).map(|n| ("big", json!({ "bytes": 64_000 + n })));
        script.answer(Answer::tools(calls)).await?;
        script.answer(Answer::text("Read.")).await?;
        let done = ask().in_session(&session).completed(&api).await?;
        done.session().clone_into(&mut session);
    }
    script.answer(Answer::text("Enough.")).await?;
    ask().in_session(&session).completed(&api).await?;
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_answer_that_fits_nowhere_ends_the_execution() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("endless").await?;
    script.answer(Answer::text("x".repeat(900 << 10))).await?;
    let agent = NewAgent::new("endless").apply(&api).await?;
    let error = Ask::new(&agent, script.model(), "Go.").failed(&api).await?;
    let why = "gave an answer of more than 786432 bytes: lower STIGMER_LLM_MAX_TOKENS";
    ensure!(error.contains(why), "{error}");
    ensure!(script.finish().await?.len() == 1, "it was asked again");
    Ok(())
}
