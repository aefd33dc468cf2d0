//! Several messages in one session, and conversations that outgrow one history.

use anyhow::ensure;
use serde_json::json;
use test_e2e::{Answer, Api, Ask, NewAgent, Result, Stack, own_pair, unique};

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
