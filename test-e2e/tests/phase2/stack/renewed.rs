//! A cancel and a time limit reach an execution whose workflow was continued as new.

use serde_json::json;
use stigmer_api::agentexecution::{AgentExecutionId, ExecutionPhase};
use test_e2e::{
    Answer, Api, Ask, NewAgent, Result, Stack, bail, ensure, own_pair, unique, until, until_phase,
};

async fn cancel(api: &Api, id: &str) -> Result {
    let value = id.to_owned();
    api.executions().cancel(AgentExecutionId { value }).await?;
    until_phase(api, id, ExecutionPhase::ExecutionCancelled).await?;
    Ok(())
}

#[tokio::test]
async fn a_sub_agent_in_its_second_run_is_let_go_by_a_cancel_and_at_the_time_limit() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let env = [("STIGMER_TURNS_PER_RUN", "1")];
    let (server, _runner) = own_pair(&mut control, &unique("queue"), &env).await?;
    let api = Api::new(server.url()?)?;
    let agent = NewAgent::new("renewed").stdio(&stack, &[])?.sub_agent(
        "clerk",
        "You count on.",
        &["probe"],
        &[],
        &[],
    );
    let agent = agent.apply(&api).await?;
    let script = async |name| -> Result<_> {
        let script = stack.script(name).await?;
        let task = json!({ "input": "Count on." });
        script.answer(Answer::tool("agent_clerk", task)).await?;
        let add = Answer::tool("add", json!({ "a": 1, "b": 2 }));
        script.answer(add).await?;
        script.answer(Answer::never()).await?;
        Ok(script)
    };

    let second_run = script("cancelled").await?;
    let cancelled = async {
        let id = Ask::new(&agent, second_run.model(), "Count on.")
            .start(&api)
            .await?;
        // The third question is the second run's.
        second_run.asked(3).await?;
        cancel(&api, &id).await
    };
    let late = async {
        // On a slow machine the time may be over before the second run.
        for seconds in [3, 6, 12] {
            let late = script("late").await?;
            let ask = Ask::new(&agent, late.model(), "Count on.");
            let failed = ask.limits(|l| l.max_seconds = seconds).failed(&api).await?;
            let limit = format!("its limit of {seconds} seconds");
            ensure!(failed.contains(&limit), "{failed}");
            if late.asked(0).await?.len() == 3 {
                return Ok(());
            }
        }
        bail!("no second run began within 12 s")
    };
    let (cancelled, late) = tokio::join!(cancelled, late);
    cancelled.and(late)
}

/// Where the cancel comes too late for that, it meets the second question; a history of the runner's own tests has it in time.
#[tokio::test]
async fn a_cancel_at_the_end_of_a_run_begins_no_other() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let env = [("STIGMER_TURNS_PER_RUN", "1")];
    let (server, _runner) = own_pair(&mut control, &unique("queue"), &env).await?;
    let api = Api::new(server.url()?)?;
    let agent = NewAgent::new("edge")
        .stdio(&stack, &[])?
        .apply(&api)
        .await?;
    let script = stack.script("edge").await?;
    // Over before the runner hears, by a heartbeat, that it shall let the call go.
    let short = Answer::tool("slow", json!({ "ms": 150 }));
    script.answer(short).await?;
    script.answer(Answer::never()).await?;
    let id = Ask::new(&agent, script.model(), "Sleep.")
        .start(&api)
        .await?;
    until(&api, &id, |execution| {
        let mut calls = execution.status.iter().flat_map(|s| &s.tool_calls);
        calls.next().is_some()
    })
    .await?;
    cancel(&api, &id).await
}
