//! What a failed test leaves: all that people need, and no secret.

use std::{fs, path::Path};

use serde_json::{Value, json};
use stigmer_api::resource::Resource;
use test_e2e::{Answer, Ask, Failure, NewAgent, Result, Stack, ensure, evidence, unique};

/// All files below a folder, as text.
fn texts(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(texts(&path)?);
        } else {
            let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
            found.push((path.display().to_string(), text));
        }
    }
    Ok(found)
}

#[tokio::test]
async fn a_failed_test_leaves_its_conversation_and_no_secret() -> Result {
    let stack = Stack::get()?;
    let (api, canary) = (stack.api()?, unique("canary"));
    let script = stack.script("leaves").await?;
    script
        .answer(Answer::tool("env", json!({ "name": "KEY" })))
        .await?;
    script.answer(Answer::text("A word to find.")).await?;
    let agent = NewAgent::new("leaves").stdio(&stack, &[("KEY", "${KEY}")])?;
    let agent = agent.env("KEY", &canary, true).apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Read it.")
        .completed(&api)
        .await?;
    script.finish().await?;
    // As somebody might write it who fails: with the secret on the command line, and in the message.
    let variable = format!("secret:OTHER={canary}");
    let args = [
        "run",
        agent.slug(),
        "--no-follow",
        "--runtime-env",
        &variable,
    ];
    stack.cli().run(args).await?;
    let failure = Failure::told(&format!("{canary} is what was read\n{canary}"));
    ensure!(!format!("{failure:?}").contains(&canary));

    let folder = evidence::of_this_test(&stack).await?;
    let found = texts(&folder)?;
    let leaks: Vec<&str> = found
        .iter()
        .filter(|(_, text)| text.contains(&canary))
        .map(|(path, _)| path.as_str())
        .collect();
    ensure!(leaks.is_empty());
    let file = |name: &str| {
        let file = found.iter().find(|(path, _)| path.ends_with(name));
        file.map_or("", |(_, text)| text.as_str())
    };
    let state = file(&format!("executions/{}.json", done.id()));
    ensure!(state.contains("A word to find.") && state.contains("[redacted]"));
    ensure!(file(&format!("histories/{}.json", done.id())).contains("CallModel"));
    let model = script.model().trim_start_matches("script/");
    ensure!(file(&format!("scripts/{model}.json")).contains("Read it."));
    ensure!(file("logs/runner.log").contains(done.id()));
    ensure!(file("logs/server.log").contains(done.id()));
    let notes = file("events.jsonl").lines().map(serde_json::from_str);
    let notes = notes.collect::<std::result::Result<Vec<Value>, _>>()?;
    let kinds: Vec<&str> = notes
        .iter()
        .filter_map(|note| note["kind"].as_str())
        .collect();
    ensure!(kinds[0] == "start", "the first note is of the beginning");
    for kind in [
        "script",
        "answer",
        "agent",
        "execution",
        "command",
        "failure",
    ] {
        ensure!(kinds.contains(&kind), "no {kind}");
    }
    Ok(())
}
