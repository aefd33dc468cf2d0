//! What a real model once said is said again, piece by piece. While the gateway records, or all is live, the model itself
//! is asked, and the same tests check that it is.

use test_e2e::{Ask, NewAgent, Result, Stack, ensure};

const GREETER: &str = "You are a friendly greeter. Answer in one short sentence.";

#[tokio::test]
async fn a_recorded_conversation_is_held_again() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let cassette = stack.cassette("greeting").await?;
    let model = cassette.model();
    let agent = NewAgent::new("greets")
        .instructions(GREETER)
        .apply(&api)
        .await?;
    let first = Ask::new(&agent, &model, "My name is Ada. Greet me.")
        .completed(&api)
        .await?;
    let again = Ask::new(&agent, &model, "Greet me once more.").in_session(first.session());
    let again = again.completed(&api).await?;
    for done in [&first, &again] {
        ensure!(!done.answer()?.trim().is_empty(), "{done:?}");
    }
    Ok(cassette.finish().await?)
}

#[tokio::test]
async fn a_question_that_was_never_asked_fails_and_shows_the_nearest_or_is_the_models() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let cassette = stack.cassette("greeting").await?;
    let agent = NewAgent::new("misses")
        .instructions(GREETER)
        .apply(&api)
        .await?;
    let ask = Ask::new(&agent, &cassette.model(), "My name is Bob. Greet me.");
    if stack.gateway()?.mode != "replay" {
        // The model itself answers anything; what it said here is not to be recorded.
        let done = ask.completed(&api).await?;
        ensure!(!done.answer()?.trim().is_empty(), "{done:?}");
        return Ok(cassette.forget().await?);
    }
    let error = ask.failed(&api).await?;
    for word in ["greeting", "Ada", "Bob", "--model record"] {
        ensure!(error.contains(word), "no {word:?} in {error}");
    }
    // And the test that asked it fails, too.
    ensure!(cassette.finish().await.is_err(), "the miss was not noticed");
    Ok(cassette.forget().await?)
}
