//! Our runner behind the original's server, whose workflow the test is.

use std::time::SystemTime;

use anyhow::Context;
use serde_json::{Value, json};
use stigmer_api::{
    agentexecution::{AgentExecution, ExecutionPhase, ToolCallStatus},
    resource::Resource,
};
use test_e2e::{
    Answer, Ask, Done, Event, NewAgent, Result, Script, Stack, ensure, environment, instance,
    unique, until, until_phase,
};

use crate::original::{LIMITS, Limits, Original, PendingActivityInfo, PendingActivityState};

/// Creates an execution, whose workflow nobody has started.
async fn create(original: &Original, ask: Ask) -> Result<AgentExecution> {
    let id = ask.start(&original.api).await?;
    Ok(original.api.get_execution(&id).await?)
}

async fn reaches(
    original: &Original,
    execution: &AgentExecution,
    phase: ExecutionPhase,
) -> Result<Done> {
    Ok(Done(
        until_phase(&original.api, execution.id(), phase).await?,
    ))
}

/// What `ExecuteGraphton` was answered, once the workflow has ended as `closed`.
async fn answered(
    original: &Original,
    execution: &AgentExecution,
    closed: &str,
) -> Result<Option<Value>> {
    let how = original.temporal.closed(execution.id()).await?;
    let history = original.temporal.history(execution.id()).await?;
    ensure!(how == closed, "{how}: {history:#?}");
    let of = |kind: &str| history.iter().filter(move |e| e.kind() == kind).collect();
    // Nothing was tried twice.
    let started: Vec<&Event> = of("ACTIVITY_TASK_STARTED");
    let first = |e: &&Event| e.attributes()["attempt"] == 1;
    ensure!(
        !started.is_empty() && started.iter().all(first),
        "{started:?}"
    );
    let ended: Vec<&Event> = of("ACTIVITY_TASK_COMPLETED");
    Ok(ended.get(1).map(|e| e.attributes()["result"][0].clone()))
}

#[tokio::test]
async fn executions_complete_with_tools_and_the_session_is_remembered() -> Result {
    let stack = Stack::get()?;
    let mut original = Original::start(&stack).await?;
    original.runner().await?;
    let script = stack.script("original").await?;
    let call = Answer::tool("add", json!({ "a": 1, "b": 2 }));
    script.answer(call).await?;
    script.answer(Answer::text("It is 3, Ada.")).await?;
    script.answer(Answer::text("You are Ada.")).await?;
    let agent = NewAgent::new("original").stdio(&stack, &[])?;
    let agent = agent.apply(&original.api).await?;
    let completed = ExecutionPhase::ExecutionCompleted;

    let ask = Ask::new(&agent, script.model(), "I am Ada. What is 1 + 2?");
    let first = create(&original, ask).await?;
    original.invoke(&first, LIMITS).await?;
    let done = reaches(&original, &first, completed).await?;
    ensure!(done.tool()?.result == "3", "{done:?}");
    let answer = answered(&original, &first, "COMPLETED").await?;
    let answer = answer.context("no answer")?;
    ensure!(answer["phase"] == "EXECUTION_COMPLETED", "{answer}");

    let ask = Ask::new(&agent, script.model(), "Who am I?").in_session(done.session());
    let second = create(&original, ask).await?;
    original.invoke(&second, LIMITS).await?;
    let done = reaches(&original, &second, completed).await?;
    ensure!(done.answer()? == "You are Ada.", "{done:?}");
    let asked = script.finish().await?;
    let said = asked[2].messages();
    ensure!(
        said.contains(&("user", "I am Ada. What is 1 + 2?"))
            && said.contains(&("assistant", "It is 3, Ada.")),
        "{said:?}"
    );
    ensure!(asked[2].tool_results() == ["3"], "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn an_execution_that_fails_is_an_answer() -> Result {
    let stack = Stack::get()?;
    let mut original = Original::start(&stack).await?;
    original.runner().await?;
    let script = stack.script("fails").await?;
    script.answer(Answer::status(400)).await?;
    let agent = NewAgent::new("fails").apply(&original.api).await?;
    let execution = create(&original, Ask::new(&agent, script.model(), "Hello?")).await?;
    original.invoke(&execution, LIMITS).await?;
    let failed = reaches(&original, &execution, ExecutionPhase::ExecutionFailed).await?;
    let error = &failed.status()?.error;
    ensure!(error.contains("400"), "{error}");
    // Their workflow goes on, and writes nothing more.
    let answer = answered(&original, &execution, "COMPLETED").await?;
    let answer = answer.context("no answer")?;
    ensure!(answer["phase"] == "EXECUTION_FAILED", "{answer}");
    ensure!(answer["error"] == json!(error), "{answer}");
    script.finish().await?;
    Ok(())
}

/// An execution whose model is in the middle of its answer.
async fn answering(
    stack: &Stack,
    original: &Original,
    limits: Limits,
) -> Result<(Script, AgentExecution, crate::original::Invoked)> {
    let script = stack.script("answers").await?;
    let begun = Answer::pieces(["Once upon"]).hold().then(" a time");
    script.answer(begun).await?;
    let agent = NewAgent::new("answers").apply(&original.api).await?;
    let execution = create(original, Ask::new(&agent, script.model(), "A story.")).await?;
    let invoked = original.invoke(&execution, limits).await?;
    until(&original.api, execution.id(), test_e2e::is_answering).await?;
    Ok((script, execution, invoked))
}

#[tokio::test]
async fn an_activity_that_is_cancelled_ends_its_execution() -> Result {
    let stack = Stack::get()?;
    let mut original = Original::start(&stack).await?;
    original.runner().await?;
    for waits in [true, false] {
        let limits = Limits { waits, ..LIMITS };
        let (script, execution, invoked) = answering(&stack, &original, limits).await?;
        invoked.cancel().await?;
        let cancelled = ExecutionPhase::ExecutionCancelled;
        let done = reaches(&original, &execution, cancelled).await?;
        ensure!(!done.status()?.completed_at.is_empty(), "{done:?}");
        let answer = answered(&original, &execution, "CANCELED").await?;
        ensure!(answer.is_none(), "{answer:?}");
        script.left(1).await?;
        script.finish().await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_execution_that_nobody_waits_for_is_let_go() -> Result {
    let stack = Stack::get()?;
    let mut original = Original::start(&stack).await?;
    original.runner().await?;
    let (script, execution, _invoked) = answering(&stack, &original, LIMITS).await?;
    original.temporal.terminate(execution.id()).await?;
    let cancelled = ExecutionPhase::ExecutionCancelled;
    let done = reaches(&original, &execution, cancelled).await?;
    ensure!(done.status()?.completed_at != "", "{done:?}");
    script.left(1).await?;
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_activity_shows_signs_of_life() -> Result {
    let stack = Stack::get()?;
    let mut original = Original::start(&stack).await?;
    original.runner().await?;
    let (script, execution, invoked) = answering(&stack, &original, LIMITS).await?;
    let shown = invoked.pending("ExecuteGraphton", |a| a.last_heartbeat_time.is_some());
    shown.await?;
    script.release().await?;
    reaches(&original, &execution, ExecutionPhase::ExecutionCompleted).await?;
    answered(&original, &execution, "COMPLETED").await?;
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_killed_runner_costs_nothing() -> Result {
    let stack = Stack::get()?;
    let mut original = Original::start(&stack).await?;
    let runner = original.runner().await?;
    let script = stack.script("killed").await?;
    let run = unique("run");
    // The tool is under way when the runner is killed, also on a slow machine; called again, it answers at once.
    let note = json!({ "run": run, "text": "once", "ms": 15_000 });
    script.answer(Answer::tool("note", note)).await?;
    let notes = Answer::tool("notes", json!({ "run": run }));
    script.answer(notes).await?;
    let last = Answer::pieces(["Noted"]).hold().then(".");
    script.answer(last).await?;
    let agent = NewAgent::new("killed").http(&stack, &[])?;
    let agent = agent.apply(&original.api).await?;
    let execution = create(&original, Ask::new(&agent, script.model(), "Note it.")).await?;
    let invoked = original.invoke(&execution, LIMITS).await?;
    // Long enough to say so: its tool was called.
    let works = |a: &PendingActivityInfo| {
        a.state() == PendingActivityState::Started && a.last_heartbeat_time.is_some()
    };
    let running = ToolCallStatus::ToolCallRunning;
    until(&original.api, execution.id(), |execution| {
        let calls = execution.status.iter().flat_map(|s| &s.tool_calls);
        calls.last().is_some_and(|call| call.status() == running)
    })
    .await?;
    let own = original.own_workflow(&execution);
    own.pending("CallTool", works).await?;
    original.control.kill(&runner).await?;
    let killed = SystemTime::now();
    original.control.restart(&runner).await?;
    // The next one must say that it lives, before the first one is missed.
    let alive = |activity: &PendingActivityInfo| {
        let at = activity.last_heartbeat_time.map(SystemTime::try_from);
        at.is_some_and(|at| at.is_ok_and(|at| at > killed))
    };
    invoked.pending("ExecuteGraphton", alive).await?;
    script.release().await?;
    let done = reaches(&original, &execution, ExecutionPhase::ExecutionCompleted).await?;
    let answer = answered(&original, &execution, "COMPLETED").await?;
    let answer = answer.context("no answer")?;
    ensure!(answer["phase"] == "EXECUTION_COMPLETED", "{answer}");
    ensure!(script.finish().await?.len() == 3, "asked twice");
    let noted: Value = serde_json::from_str(&done.tools()?[1].result)?;
    ensure!(noted.as_array().is_some_and(|n| n.len() == 1), "{noted}");
    Ok(())
}

#[tokio::test]
async fn a_runner_that_is_late_finds_what_waits() -> Result {
    let stack = Stack::get()?;
    let mut original = Original::start(&stack).await?;
    let script = stack.script("late").await?;
    script.answer(Answer::text("Here I am.")).await?;
    let agent = NewAgent::new("late").apply(&original.api).await?;
    let execution = create(&original, Ask::new(&agent, script.model(), "Hello?")).await?;
    let invoked = original.invoke(&execution, LIMITS).await?;
    invoked.pending("EnsureThread", |_| true).await?;
    original.runner().await?;
    reaches(&original, &execution, ExecutionPhase::ExecutionCompleted).await?;
    answered(&original, &execution, "COMPLETED").await?;
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_execution_ends_with_its_own_words_before_its_activitys_time() -> Result {
    let stack = Stack::get()?;
    let mut original = Original::start(&stack).await?;
    original.runner().await?;
    let limits = Limits {
        start_to_close: 8_000,
        ..LIMITS
    };
    let (script, execution, _invoked) = answering(&stack, &original, limits).await?;
    let failed = reaches(&original, &execution, ExecutionPhase::ExecutionFailed).await?;
    let error = &failed.status()?.error;
    ensure!(error.contains("its server waits for it"), "{error}");
    let answer = answered(&original, &execution, "COMPLETED").await?;
    let answer = answer.context("no answer")?;
    ensure!(answer["error"] == json!(error), "{answer}");
    script.left(1).await?;
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn variables_come_in_their_layers_also_without_a_context() -> Result {
    let stack = Stack::get()?;
    let mut original = Original::start(&stack).await?;
    original.runner().await?;
    let names = ["OF_AGENT", "OF_PLACE", "OF_RUN"];
    let script = stack.script("layers").await?;
    let calls = names.map(|name| ("env", json!({ "name": name })));
    script.answer(Answer::tools(calls)).await?;
    script.answer(Answer::text("Read.")).await?;
    let placeholders = names.map(|name| (name, format!("${{{name}}}")));
    let placeholders: Vec<_> = placeholders.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let agent = NewAgent::new("layers").stdio(&stack, &placeholders)?;
    let agent = names
        .iter()
        .fold(agent, |agent, name| agent.env(name, "agent", false));
    let api = original.api.clone();
    let agent = agent.apply(&api).await?;
    let place = unique("place");
    let values = [("OF_PLACE", "place", false), ("OF_RUN", "place", false)];
    api.environments()
        .create(environment(&place, &values))
        .await?;
    let placed = instance(&unique("placed"), agent.id(), &[&place]);
    let placed = api.instances().create(placed).await?.into_inner();
    let session = api.new_session(&placed).await?;
    let ask = Ask::new(&agent, script.model(), "Read.").in_session(session.id());
    let execution = create(&original, ask.env("OF_RUN", "run", false)).await?;
    original.invoke(&execution, LIMITS).await?;
    let done = reaches(&original, &execution, ExecutionPhase::ExecutionCompleted).await?;
    let read: Vec<&str> = done.tools()?.iter().map(|t| t.result.as_str()).collect();
    ensure!(read == ["agent", "place", "run"], "{read:?}");
    script.finish().await?;
    Ok(())
}
