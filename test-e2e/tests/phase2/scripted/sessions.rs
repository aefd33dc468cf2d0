//! Several messages in one session.

use serde_json::json;
use test_e2e::{Answer, Ask, NewAgent, Result, Stack, ensure};

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
