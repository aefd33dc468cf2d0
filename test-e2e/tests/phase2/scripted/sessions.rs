//! Several messages in one session, and conversations that outgrow one history.

use anyhow::ensure;
use serde_json::json;
use stigmer_api::agentexecution::{AgentExecution, ExecutionPhase};
use test_e2e::{Answer, Api, Ask, NewAgent, Result, Stack, own_pair, unique, until, until_phase};

#[tokio::test]
async fn a_session_remembers_words_and_tools() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("remembers").await?;
    script
        .answer(Answer::tool("echo", json!({ "text": "noted" })))
        .await?;
    script.answer(Answer::text("Hello, Ada.")).await?;
    script.answer(Answer::text("You are Ada.")).await?;
    script.answer(Answer::text("I do not know you.")).await?;
    let agent = NewAgent::new("remembers").instructions("You remember well.");
    let agent = agent
        .stdio(&stack, &[])?
        .only(&["echo"])
        .apply(&api)
        .await?;
    let first = Ask::new(&agent, script.model(), "I am Ada.")
        .completed(&api)
        .await?;
    let again = Ask::new(&agent, script.model(), "Who am I?").in_session(first.session());
    again.completed(&api).await?;
    Ask::new(&agent, script.model(), "And who am I?")
        .completed(&api)
        .await?;

    let asked = script.finish().await?;
    let expected = [
        ("system", "You remember well."),
        ("user", "I am Ada."),
        ("assistant", ""),
        ("tool", "noted"),
        ("assistant", "Hello, Ada."),
        ("user", "Who am I?"),
    ];
    ensure!(
        asked[2].messages() == expected,
        "{:#?}",
        asked[2].messages()
    );
    // Another session knows nothing of it.
    let other = [("system", "You remember well."), ("user", "And who am I?")];
    ensure!(asked[3].messages() == other, "{:#?}", asked[3].messages());
    Ok(())
}

#[tokio::test]
async fn a_long_conversation_goes_on_in_a_new_history() -> Result {
    let stack = Stack::get()?;
    let script = stack.script("long").await?;
    for n in 0..7 {
        script
            .answer(Answer::tool("add", json!({ "a": n, "b": 1 })))
            .await?;
    }
    script.answer(Answer::text("Seven.")).await?;
    let mut control = stack.control().await?;
    let env = [("STIGMER_TURNS_PER_RUN", "2")];
    let (server, _runner) = own_pair(&mut control, &unique("queue"), &env).await?;
    let api = Api::new(server.url()?)?;
    let agent = NewAgent::new("long")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "Count to seven.")
        .completed(&api)
        .await?;

    let results: Vec<&str> = done.tools()?.iter().map(|t| t.result.as_str()).collect();
    ensure!(
        results == ["1", "2", "3", "4", "5", "6", "7"],
        "{results:?}"
    );
    ensure!(done.status()?.messages.len() == 2 + 2 * 7, "{done:?}");
    let asked = script.finish().await?;
    ensure!(
        asked.len() == 8 && asked[7].tool_results() == results,
        "{asked:?}"
    );
    let runs = stack.temporal()?.runs(done.id()).await?;
    ensure!(runs >= 4, "{runs} runs for 8 turns of at most 2");
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
async fn the_beginning_of_a_secret_is_not_shown_while_it_comes() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("discreet").await?;
    let secret = unique("swordfish");
    let (begin, rest) = secret.split_at(12);
    let held = Answer::pieces([format!("The key is {begin}")]).hold();
    script
        .answer(held.then(&format!("{rest}, it fits.")))
        .await?;
    let agent = NewAgent::new("discreet").apply(&api).await?;
    let ask = Ask::new(&agent, script.model(), "The key?").env("KEY", &secret, true);
    let id = ask.start(&api).await?;
    let last = |e: &AgentExecution| {
        let messages = e.status.as_ref().map_or(&[][..], |s| &s.messages);
        messages.get(1).map(|m| m.content.clone())
    };
    let shown = until(&api, &id, |e| last(e).is_some()).await?;
    ensure!(last(&shown).as_deref() == Some("The key is "), "{shown:?}");
    script.release().await?;
    let done = until_phase(&api, &id, ExecutionPhase::ExecutionCompleted).await?;
    let whole = Some("The key is [redacted], it fits.");
    ensure!(last(&done).as_deref() == whole, "{done:?}");
    script.finish().await?;
    Ok(())
}
