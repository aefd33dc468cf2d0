//! What a failed test leaves: all that people need, and no secret.

use std::{fs, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use serde_json::{Value, json};
use stigmer_api::{agent::mcp_server_definition::ServerType, resource::Resource};
use test_e2e::{
    Answer, Ask, Failure, NewAgent, Result, Stack, ensure, environment, evidence, instance, stdio,
    unique,
};

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

/// Those that have these words, in plain or, as in Temporal's payloads, in base64 at any of its three places.
fn leaks<'a>(found: &'a [(String, String)], words: &str) -> Vec<&'a str> {
    let encoded = (0..3).map(|before| {
        let text = format!("{}{words}", &"xx"[..before]);
        let whole = BASE64_STANDARD_NO_PAD.encode(text);
        // The first and the last characters are of what stands beside it too.
        whole[4..whole.len() - 4].to_owned()
    });
    let spellings: Vec<_> = encoded.chain([words.to_owned()]).collect();
    let has = |text: &str| spellings.iter().any(|spelling| text.contains(spelling));
    let found = found.iter().filter(|(_, text)| has(text));
    found.map(|(path, _)| path.as_str()).collect()
}

#[test]
fn what_is_encoded_is_found_too() {
    let canary = "canary-01k8";
    for before in ["", "a", "ab", "abc"] {
        let text = BASE64_STANDARD_NO_PAD.encode(format!("{before}{canary}, and more"));
        assert_eq!(leaks(&[("here".to_owned(), text)], canary), ["here"]);
    }
    assert!(leaks(&[(String::new(), "Y2FuYXJ5".to_owned())], canary).is_empty());
}

#[tokio::test]
async fn a_failed_execution_leaves_no_secret_of_its_environment() -> Result {
    let stack = Stack::get()?;
    let (api, canary) = (stack.api()?, unique("canary"));
    let place = unique("place");
    let values = [("KEY", canary.as_str(), true)];
    api.environments()
        .create(environment(&place, &values))
        .await?;
    // A server that complains of what it is given, and ends.
    let mut server = stdio(&stack.mcp()?.stdio.to_string_lossy(), &[("KEY", "${KEY}")]);
    if let ServerType::Stdio(server) = &mut server {
        server.args = vec!["${KEY}".to_owned()];
    }
    let agent = NewAgent::new("complains").server("probe", server);
    let agent = agent.apply(&api).await?;
    let placed = instance(&unique("placed"), agent.id(), &[&place]);
    let placed = api.instances().create(placed).await?.into_inner();
    let session = api.new_session(&placed).await?.id().to_owned();
    let ask = Ask::new(&agent, "any", "Read it.").in_session(&session);
    let error = ask.failed(&api).await?;
    ensure!(error.contains("[redacted]"), "it was not given the secret");
    ensure!(!error.contains(&canary));
    let found = texts(&evidence::of_this_test(&stack).await?)?;
    ensure!(leaks(&found, &canary).is_empty());
    ensure!(found.iter().any(|(_, text)| text.contains("[redacted]")));
    Ok(())
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
    ensure!(leaks(&found, &canary).is_empty());
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
