//! Executions whose model answers at once, beside bare workflows.

use std::time::Instant;

use anyhow::Result;
use futures::future::try_join_all;
use stigmer_api::agent::Agent;
use test_e2e::{Answer, Api, Ask, NewAgent, Script, Stack};

use crate::{
    Samples,
    bare::{Activities, Bare},
};

/// Connections open and caches fill with these, which are not counted.
const BEFORE: usize = 5;
const ONE_BY_ONE: usize = 30;
const AT_ONCE: usize = 200;

/// Milliseconds.
pub(crate) fn since(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1000.0
}

async fn script(stack: &Stack) -> Result<Script> {
    let script = stack.script("bench").await?;
    script.answer(Answer::text("Yes.")).await?;
    Ok(script)
}

/// From the creation of an execution until its end is seen; its id.
async fn execute(api: &Api, agent: &Agent, script: &Script) -> Result<String> {
    let done = Ask::new(agent, script.model(), "Well?")
        .completed(api)
        .await?;
    Ok(done.id().to_owned())
}

/// Milliseconds of one execution, and of a bare workflow with one activity.
pub(crate) async fn one(stack: &Stack, bare: &Bare) -> Result<Samples> {
    let api = stack.api()?;
    let agent = NewAgent::new("bench").apply(&api).await?;
    let mut samples = Samples::default();
    let single = Activities {
        given_out: 1,
        local: 0,
    };
    for n in 0..BEFORE + ONE_BY_ONE {
        let script = script(stack).await?;
        let began = Instant::now();
        execute(&api, &agent, &script).await?;
        let measured = since(began);
        let began = Instant::now();
        bare.run(single).await?;
        if n >= BEFORE {
            samples.measured.push(measured);
            samples.limit.push(since(began));
        }
    }
    Ok(samples)
}

/// How many executions a second end that began at once, and bare workflows with as many activities.
pub(crate) async fn at_once(stack: &Stack, bare: &Bare) -> Result<Samples> {
    let api = stack.api()?;
    let agent = NewAgent::new("bench").apply(&api).await?;
    let first = execute(&api, &agent, &script(stack).await?).await?;
    let activities = Activities::of(&stack.temporal()?.history(&first).await?);
    bare.run(activities).await?;
    let scripts = try_join_all((0..AT_ONCE).map(|_| script(stack))).await?;
    let began = Instant::now();
    try_join_all(scripts.iter().map(|s| execute(&api, &agent, s))).await?;
    let measured = began.elapsed().as_secs_f64();
    let began = Instant::now();
    try_join_all((0..AT_ONCE).map(|_| bare.run(activities))).await?;
    let limit = began.elapsed().as_secs_f64();
    Ok(Samples {
        measured: vec![AT_ONCE as f64 / measured],
        limit: vec![AT_ONCE as f64 / limit],
        note: format!(
            "{} activities and {} local ones each",
            activities.given_out, activities.local
        ),
        ..Samples::default()
    })
}
