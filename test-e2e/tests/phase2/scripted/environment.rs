//! Variables of agents, environments and executions, and where secrets may be seen: nowhere.

use anyhow::Context;
use serde_json::json;
use stigmer_api::{
    agent::Agent,
    agentexecution::{AgentExecution, ExecutionPhase},
    resource::Resource,
};
use test_e2e::{
    Answer, Api, Ask, NewAgent, Result, Script, Stack, bail, ensure, environment, instance, unique,
    until, until_phase,
};

/// A script that reads each of `names` and ends.
async fn reads(stack: &Stack, names: &[&str]) -> Result<Script> {
    let script = stack.script("reads").await?;
    let calls = names.iter().map(|name| ("env", json!({ "name": name })));
    script.answer(Answer::tools(calls)).await?;
    script.answer(Answer::text("Read.")).await?;
    Ok(script)
}

/// An environment of `values`, an instance of `agent` in it, and a session with that.
async fn session_in(api: &Api, agent: &Agent, values: &[(&str, &str)]) -> Result<String> {
    let values: Vec<_> = values.iter().map(|&(k, v)| (k, v, false)).collect();
    let place = unique("place");
    api.environments()
        .create(environment(&place, &values))
        .await?;
    let placed = instance(&unique("placed"), agent.id(), &[&place]);
    let placed = api.instances().create(placed).await?.into_inner();
    Ok(api.new_session(&placed).await?.id().to_owned())
}

#[tokio::test]
async fn later_layers_win_over_earlier_ones() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let names = ["OF_AGENT", "OF_PLACE", "OF_RUN"];
    let script = reads(&stack, &names).await?;
    let placeholders = names.map(|name| (name, format!("${{{name}}}")));
    let placeholders: Vec<_> = placeholders.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let agent = NewAgent::new("layers").stdio(&stack, &placeholders)?;
    let agent = names
        .iter()
        .fold(agent, |agent, name| agent.env(name, "agent", false));
    let agent = agent.apply(&api).await?;
    let place = [("OF_PLACE", "place"), ("OF_RUN", "place")];
    let session = session_in(&api, &agent, &place).await?;
    let ask = Ask::new(&agent, script.model(), "Read.").in_session(&session);
    let done = ask.env("OF_RUN", "run", false).completed(&api).await?;
    let read: Vec<&str> = done.tools()?.iter().map(|t| t.result.as_str()).collect();
    ensure!(read == ["agent", "place", "run"], "{read:?}");
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn what_the_runner_knows_is_not_what_tools_know() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let names = [
        "STIGMER_RUNNER_KEY",
        "STIGMER_LLM_API_KEY",
        "TEMPORAL_ADDRESS",
        "TOLD",
    ];
    let script = reads(&stack, &names).await?;
    let agent = NewAgent::new("knows").stdio(&stack, &[("TOLD", "yes")])?;
    let agent = agent.apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "Read.")
        .completed(&api)
        .await?;
    let read: Vec<&str> = done.tools()?.iter().map(|t| t.result.as_str()).collect();
    let [keys @ .., told] = read.as_slice() else {
        bail!("nothing was read")
    };
    ensure!(*told == "yes", "{read:?}");
    ensure!(
        keys.iter().all(|value| value.ends_with("is not set")),
        "the runner's environment leaks: {read:?}"
    );
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_placeholder_without_a_value_fails_the_execution_and_is_named() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("without").await?;
    let agent = NewAgent::new("without").stdio(&stack, &[("KEY", "${NOT_GIVEN}")])?;
    let agent = agent.apply(&api).await?;
    let error = Ask::new(&agent, script.model(), "Go.").failed(&api).await?;
    ensure!(
        error.contains("NOT_GIVEN") && error.contains("probe"),
        "{error}"
    );
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_secret_reaches_its_tool_and_is_seen_nowhere_else() -> Result {
    let stack = Stack::get()?;
    let (api, temporal) = (stack.api()?, stack.temporal()?);
    let script = stack.script("secret").await?;
    let secret = unique("hush");
    let size = json!({ "text": "is ${TOKEN} known?" });
    script
        .answer(Answer::tools([
            ("env", json!({ "name": "TOKEN" })),
            ("echo", size),
        ]))
        .await?;
    script.answer(Answer::text("It is.")).await?;
    let agent = NewAgent::new("secret").stdio(&stack, &[("TOKEN", "${TOKEN}")])?;
    let agent = agent.apply(&api).await?;
    let ask = Ask::new(&agent, script.model(), "Read it.").env("TOKEN", &secret, true);
    let done = ask.completed(&api).await?;

    let [token, echo] = done.tools()? else {
        bail!("not two calls: {done:?}")
    };
    // The tool had it, or there would be nothing to hide; what the model says is not filled in.
    ensure!(token.result == "[redacted]", "{token:?}");
    ensure!(echo.result == "is ${TOKEN} known?", "{echo:?}");
    let asked = script.finish().await?;
    let shown = [
        ("the execution", format!("{done:?}")),
        ("the model's questions", format!("{asked:?}")),
        (
            "Temporal's history",
            temporal.history_text(done.id()).await?,
        ),
    ];
    for (place, text) in shown {
        ensure!(!text.contains(&secret), "the secret is in {place}");
    }
    for path in stack.log_files()? {
        let text = std::fs::read(&path)?;
        ensure!(
            !String::from_utf8_lossy(&text).contains(&secret),
            "it is in {}",
            path.display()
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_command_line_gives_variables_and_secrets() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let names = ["PLAIN", "FILED", "HIDDEN"];
    let script = reads(&stack, &names).await?;
    let placeholders = names.map(|name| (name, format!("<${{{name}}}>")));
    let placeholders: Vec<_> = placeholders.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let agent = NewAgent::new("given")
        .stdio(&stack, &placeholders)?
        .apply(&api)
        .await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("given.env");
    std::fs::write(&file, "FILED=\"from a file\"\nPLAIN=\"from a file\"\n")?;
    let file = file.to_str().context("no UTF-8")?;
    let secret = unique("hush");
    let cli = stack.cli().env("HIDDEN", &secret);
    let args = [
        "run",
        agent.slug(),
        "--message",
        "Read.",
        "--model",
        script.model(),
    ];
    let more = [
        "--env-file",
        file,
        "--runtime-env",
        "PLAIN=from a flag",
        "--secret",
        "HIDDEN",
    ];
    let output = cli.run([&args[..], &more[..]].concat()).await?.ok()?;
    ensure!(!output.stdout.contains(&secret), "{output:#?}");
    let asked = script.finish().await?;
    let read = asked[1].tool_results();
    ensure!(
        read == ["<from a flag>", "<from a file>", "<[redacted]>"],
        "{read:?}"
    );
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
