//! One trace from whoever asks to whoever is asked: W3C trace context.

use anyhow::Context;
use serde_json::{Value, json};
use stigmer_api::{agentexecution::AgentExecution, resource::Resource};
use test_e2e::{Answer, Ask, Done, NewAgent, Result, Script, Stack, ensure, until_ended};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// An agent that notes something, and its model.
async fn noting(stack: &Stack, name: &str) -> Result<(String, Script)> {
    let script = stack.script(name).await?;
    script
        .answer(Answer::tool("note", json!({ "text": "seen" })))
        .await?;
    script.answer(Answer::text("Noted.")).await?;
    let agent = NewAgent::new(name).stdio(stack, &[])?;
    let agent = agent.apply(&stack.api()?).await?;
    let slug = agent.metadata.context("no metadata")?.slug;
    Ok((slug, script))
}

/// What `stigmer run` makes of it, as part of this.
async fn told(stack: &Stack, slug: &str, script: &Script, of: &str) -> Result<AgentExecution> {
    // A command that exports spans begins a trace by itself.
    let cli = stack.cli().env("OTEL_SDK_DISABLED", "true");
    let cli = cli.env("TRACEPARENT", of);
    let args = [
        "run",
        slug,
        "--message",
        "Note it.",
        "--model",
        script.model(),
    ];
    let output = cli.run(args).await?.ok()?;
    let mut words = output.stdout.split_whitespace();
    let id = words.find(|it| it.starts_with("aex-"));
    Ok(until_ended(&stack.api()?, id.context("no execution")?).await?)
}

/// The trace of which all is part that the model and the tool were asked.
async fn trace_of(script: &Script, done: &Done) -> Result<String> {
    let mut told = Vec::new();
    for request in script.finish().await? {
        let header = request.headers.get("traceparent");
        told.push(header.context("the model was told of no trace")?.clone());
    }
    let note: Value = serde_json::from_str(&done.tools()?[0].result)?;
    told.push(note["traceparent"].as_str().unwrap_or_default().to_owned());
    let parts = |it: &String| {
        let parts: Vec<_> = it.split('-').map(str::to_owned).collect();
        <[String; 4]>::try_from(parts).ok()
    };
    let parts: Option<Vec<_>> = told.iter().map(parts).collect();
    let parts = parts.with_context(|| format!("{told:?}"))?;
    let [_, trace, ..] = parts[0].clone();
    ensure!(parts.iter().all(|it| it[1] == trace), "{told:?}");
    let mut spans: Vec<_> = parts.iter().map(|it| &it[2]).collect();
    spans.sort();
    spans.dedup();
    ensure!(
        spans.len() == told.len(),
        "a request is told apart by its span: {told:?}"
    );
    Ok(trace)
}

#[tokio::test]
async fn what_a_command_is_part_of_reaches_model_and_tools() -> Result {
    let stack = Stack::get()?;
    let (slug, script) = noting(&stack, "traced").await?;
    let traceparent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let done = told(&stack, &slug, &script, &traceparent).await?;
    let annotations = &done.metadata.as_ref().context("no metadata")?.annotations;
    let kept = annotations.get("stigmer.ai/traceparent");
    // Where the server exports spans, it is part of that of the request.
    ensure!(kept.is_some_and(|kept| kept.contains(TRACE)), "{kept:?}");
    let trace = trace_of(&script, &Done(done)).await?;
    ensure!(trace == TRACE);
    Ok(())
}

#[tokio::test]
async fn an_execution_that_is_part_of_nothing_has_a_trace_of_its_own() -> Result {
    let stack = Stack::get()?;
    let (slug, script) = noting(&stack, "untraced").await?;
    // What is malformed is as good as not there.
    let done = told(&stack, &slug, &script, "00-0-0-01").await?;
    let annotations = &done.metadata.as_ref().context("no metadata")?.annotations;
    ensure!(annotations.is_empty());
    let ulid: ulid::Ulid = done.id().replace("aex-", "").to_uppercase().parse()?;
    let trace = trace_of(&script, &Done(done)).await?;
    ensure!(trace == format!("{:032x}", ulid.0));
    Ok(())
}

#[tokio::test]
async fn what_a_test_asks_for_is_one_trace() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let (slug, script) = noting(&stack, "one-trace").await?;
    let agent = api.agent_by_slug(&slug).await?;
    let first = Ask::new(&agent, script.model(), "Note it.")
        .completed(&api)
        .await?;
    let kept = |done: &Done| {
        let annotations = done.0.metadata.clone().unwrap_or_default().annotations;
        annotations.get("stigmer.ai/traceparent").cloned()
    };
    let told = kept(&first).context("the test told of no trace")?;
    ensure!(told.contains(&trace_of(&script, &first).await?));
    Ok(())
}
