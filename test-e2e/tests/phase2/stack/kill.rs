//! A runner that is killed, at many moments of many conversations.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
};

use anyhow::Context;
use futures::future::try_join_all;
use serde_json::{Value, json};
use stigmer_api::{agentexecution::ExecutionPhase, resource::Resource};
use test_e2e::{
    Answer, Api, Ask, Ended, Failure, NewAgent, Result, Script, SeenRequest, Stack, ensure,
    own_pair, unique, until_phase,
};

/// How many conversations are under way when the runner is killed.
const CONVERSATIONS: usize = 20;
/// Steps of a conversation: a tool each, then the last words. The kill comes in the second of
/// the one in the middle: none has to be over before, none has to go on for long after.
const STEPS: usize = 3;

/// A conversation of a few steps, each with an effect that is noted under `run`. What a killed
/// runner had not heard is asked again, so every answer is there twice.
async fn conversation(
    stack: &Stack,
    nth: usize,
    run: &str,
    random: &RandomState,
) -> Result<Script> {
    let script = stack.script("killed").await?;
    for step in 1..=STEPS {
        let millis = random.hash_one((nth, step)) % 60;
        let note = json!({ "run": run, "text": format!("step {step}"), "ms": millis });
        // They begin one after the other, so that each is at another moment.
        let delay = if step == 1 { nth as u64 * 40 } else { millis };
        for _ in 0..2 {
            script
                .answer(
                    Answer::tool("note", note.clone())
                        .delay(delay)
                        .when_turn(step),
                )
                .await?;
        }
    }
    for _ in 0..2 {
        script
            .answer(Answer::pieces(["All ", "done."]).when_turn(STEPS + 1))
            .await?;
    }
    Ok(script)
}

/// How often each turn was asked.
fn turns(asked: &[SeenRequest]) -> BTreeMap<usize, usize> {
    let mut turns = BTreeMap::new();
    for asked in asked {
        let said = asked
            .messages()
            .iter()
            .filter(|(role, _)| *role == "assistant")
            .count();
        *turns.entry(said + 1).or_default() += 1;
    }
    turns
}

#[tokio::test]
async fn a_killed_runner_repeats_at_most_the_step_that_was_in_flight() -> Result {
    let stack = Stack::get()?;
    let mut control = stack.control().await?;
    let (server, runner) = own_pair(&mut control, &unique("queue"), &[]).await?;
    let api = Api::new(server.url()?)?;
    let agent = NewAgent::new("killed")
        .http(&stack, &[])?
        .apply(&api)
        .await?;
    let random = RandomState::new();
    let started = (0..CONVERSATIONS).map(|nth| {
        let (stack, api, agent, random) = (&stack, &api, &agent, &random);
        async move {
            let run = unique("run");
            let script = conversation(stack, nth, &run, random).await?;
            let id = Ask::new(agent, script.model(), "Some steps.")
                .start(api)
                .await?;
            Ok::<_, Failure>((id, run, script))
        }
    });
    let started = try_join_all(started).await?;

    // In the middle of the one in the middle.
    started[CONVERSATIONS / 2].2.asked(2).await?;
    let ended = control.kill(&runner).await?;
    let killed = Ended {
        code: None,
        signal: Some(9),
    };
    ensure!(ended == killed, "{ended:?}");
    let mut moments = Vec::new();
    for (id, _, script) in &started {
        let ended = api.get_execution(id).await?.phase().is_terminal();
        moments.push(if ended {
            0
        } else {
            script.asked(0).await?.len()
        });
    }
    let under_way = moments.iter().filter(|&&turn| turn > 0).count();
    ensure!(
        under_way >= CONVERSATIONS / 2,
        "too few were hit: {moments:?}"
    );
    control.restart(&runner).await?;

    let (api, stack, moments) = (&api, &stack, &moments);
    let looked_at = started.iter().map(|(id, _, script)| async move {
        until_phase(api, id, ExecutionPhase::ExecutionCompleted)
            .await
            .with_context(|| format!("killed at {moments:?}"))?;
        let turns = turns(&script.asked(0).await?);
        let twice = turns.values().filter(|&&times| times == 2).count();
        let sound = turns.len() == STEPS + 1 && turns.values().all(|&times| times <= 2);
        ensure!(
            sound && twice <= 1,
            "{id} was asked {turns:?}, killed at {moments:?}"
        );
        Ok(())
    });
    try_join_all(looked_at).await?;
    let ids: Vec<&str> = started.iter().map(|(id, _, _)| id.as_str()).collect();
    let runs = stack.temporal()?.runs_of(&ids).await?;
    ensure!(runs.iter().all(|&runs| runs == 1), "{runs:?}");
    let runs: Vec<&str> = started.iter().map(|(_, run, _)| run.as_str()).collect();
    every_effect_happened_once(stack, api, &runs).await
}

/// A tool that was in flight was called again with the key that it knew: it did nothing twice.
async fn every_effect_happened_once(stack: &Stack, api: &Api, runs: &[&str]) -> Result {
    let script = stack.script("notes").await?;
    let calls = runs.iter().map(|run| ("notes", json!({ "run": run })));
    script.answer(Answer::tools(calls)).await?;
    script.answer(Answer::text("Read.")).await?;
    let agent = NewAgent::new("notes").http(stack, &[])?.apply(api).await?;
    let done = Ask::new(&agent, script.model(), "What was noted?")
        .completed(api)
        .await?;
    ensure!(done.tools()?.len() == runs.len(), "{}", agent.id());
    for tool in done.tools()? {
        let noted: Value = serde_json::from_str(&tool.result)?;
        let noted = noted.as_array().context("no list of notes")?;
        let mut texts: Vec<&str> = noted
            .iter()
            .filter_map(|note| note["text"].as_str())
            .collect();
        texts.sort_unstable();
        let expected: Vec<String> = (1..=STEPS).map(|step| format!("step {step}")).collect();
        ensure!(texts == expected, "{noted:?}");
        let keyed = noted
            .iter()
            .all(|note| note["key"].as_str().is_some_and(|k| !k.is_empty()));
        ensure!(keyed, "a call came without its key: {noted:?}");
        let most = noted
            .iter()
            .filter_map(|note| note["repeats"].as_u64())
            .max();
        ensure!(
            most.unwrap_or_default() <= 1,
            "a call came three times: {noted:?}"
        );
    }
    script.finish().await?;
    Ok(())
}
