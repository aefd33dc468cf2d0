use std::path::Path;

use anyhow::Context;
use serde_json::json;
use stigmer_api::{
    agentexecution::{AgentExecution, AgentExecutionStatus, ExecutionPhase},
    resource::Resource,
};
use test_e2e::{
    Answer, Api, Ask, Control, Ended, Instance, NewAgent, Result, Stack, ensure, own_pair, unique,
    until, until_phase,
};

#[tokio::test]
async fn a_runner_that_is_stopped_ends_clean() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let queue = unique("queue");
    let (_server, runner) = own_pair(&mut control, &queue, &[]).await?;
    let ended = control.stop(&runner).await?;
    let clean = Ended {
        code: Some(0),
        signal: None,
    };
    ensure!(ended == clean, "{ended:?}");
    Ok(())
}

/// A server that looks every second for workflows that ended, and an execution that waits for a
/// runner which does not come.
async fn waiting(control: &mut Control, name: &str) -> Result<(Instance, Api, String)> {
    let queue = unique("queue");
    let env = [
        // No runner polls it: the workflow waits until it is ended.
        ("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE", queue.as_str()),
        ("STIGMER_RECONCILE_SECONDS", "1"),
    ];
    let server = control.start("server", &env).await?;
    let api = Api::new(server.url()?)?;
    let agent = api.new_agent(&unique(name)).await?;
    let id = api.new_execution(&agent, "Say hello.").await?;
    let id = id.id().to_owned();
    let told = |e: &AgentExecution| {
        let status = e.status.as_ref();
        status.is_some_and(|s| s.phase_reason.contains("waiting for an agent-runner"))
    };
    until(&api, &id, told).await?;
    Ok((server, api, id))
}

#[tokio::test]
async fn an_execution_whose_workflow_was_terminated_fails_and_says_so() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let (_server, api, id) = waiting(&mut control, "terminated").await?;
    stack.temporal()?.terminate(&id).await?;
    let failed = until_phase(&api, &id, ExecutionPhase::ExecutionFailed).await?;
    let error = failed.status.unwrap_or_default().error;
    ensure!(error.contains("Terminated without a report"), "{error}");
    Ok(())
}

#[tokio::test]
async fn an_execution_whose_workflow_temporal_forgot_fails_and_says_so() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let (server, _, id) = waiting(&mut control, "forgotten").await?;
    // What is deleted is terminated first, which nobody is to see.
    control.kill(&server).await?;
    stack.temporal()?.forget(&id).await?;
    let server = control.restart(&server).await?;
    let api = Api::new(server.url()?)?;
    let failed = until_phase(&api, &id, ExecutionPhase::ExecutionFailed).await?;
    let error = failed.status.unwrap_or_default().error;
    let expected = "its workflow is not known to Temporal any more: create another execution";
    ensure!(error == expected);
    Ok(())
}

#[tokio::test]
async fn an_execution_that_others_ended_stays_so_and_leaves_no_process() -> Result {
    const QUEUE: &str = "TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE";
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let (queue, key) = (unique("queue"), unique("key"));
    let both = [(QUEUE, queue.as_str()), ("STIGMER_RUNNER_KEY", &key)];
    let server = control.start("server", &both).await?;
    let backend = ("STIGMER_BACKEND_ENDPOINT", server.url()?);
    control
        .start("runner", &[&both[..], &[backend]].concat())
        .await?;
    let api = Api::new(server.url()?)?;
    let agent = NewAgent::new("elsewhere").stdio(&stack, &[])?;
    let agent = agent.apply(&api).await?;
    let says = |e: &AgentExecution| {
        let last = e.status.iter().flat_map(|s| &s.messages).next_back();
        last.is_some_and(|said| said.content == "I am")
    };
    let begun = || Answer::pieces(["I am"]).hold().then(" it.");
    let slow = Answer::tool("slow", json!({ "ms": 30_000 }));
    // It is heard of with a piece of an answer, with the end, or where a tool begins.
    for answer in [begun().hold(), begun(), slow.then("I am").hold()] {
        let script = stack.script("elsewhere").await?;
        script.answer(Answer::tool("pid", json!({}))).await?;
        script.answer(answer).await?;
        let ask = Ask::new(&agent, script.model(), "Who are you?");
        let id = ask.start(&api).await?;
        let state = until(&api, &id, says).await?;
        let calls = state.status.context("no status")?.tool_calls;
        let pid: u32 = calls[0].result.parse().context("no pid")?;
        let process = Path::new("/proc").join(pid.to_string());
        let native = stack.runtime == "native";
        ensure!(!native || process.exists(), "{pid} is no process");

        let end = AgentExecutionStatus {
            phase: ExecutionPhase::ExecutionFailed.into(),
            error: "ended by others".to_owned(),
            ..Default::default()
        };
        let ended = api.report_as(&id, end, Some(&key)).await?;
        script.release().await?;
        // Nothing is left to do, which is no failure.
        ensure!(stack.temporal()?.closed(&id).await? == "COMPLETED");
        ensure!(!native || !process.exists(), "{pid} still runs");
        // A second tool was let go, or never given out.
        let history = stack.temporal()?.history(&id).await?;
        let completed: Vec<_> = history
            .iter()
            .filter(|it| it.kind() == "ACTIVITY_TASK_COMPLETED")
            .map(|it| &it.attributes()["scheduledEventId"])
            .collect();
        let tools = history
            .iter()
            .filter(|it| it.activity() == Some("CallTool") && completed.contains(&it.id()));
        ensure!(tools.count() == 1);
        let stored = api.get_execution(&id).await?;
        ensure!(stored == ended, "{stored:?}");
        script.finish().await?;
    }
    Ok(())
}
