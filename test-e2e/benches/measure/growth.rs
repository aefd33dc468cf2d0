//! How time and memory grow with what was done: `measure growth`, for people, on a stack of its own.

use std::{collections::BTreeMap, fs, path::Path, time::Instant};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use stigmer_api::agent::Agent;
use test_e2e::{Answer, Api, Ask, NewAgent, Stack};

use crate::executions::since;

const AT_ONCE: usize = 50;
/// How many executions there were before; after each the memory is told.
const EXECUTIONS: [usize; 3] = [100, 1_000, 5_000];
/// How many executions a session has when the next one is timed.
const EARLIER: [usize; 4] = [1, 10, 100, 500];
const SERVICES: [&str; 3] = ["stigmer-server", "agent-runner", "model-gateway"];

/// Resident memory of this run's services, in MiB, by name.
fn memory(run: &str) -> Result<BTreeMap<&'static str, u64>> {
    let mark = format!("E2E_RUN_ID={run}");
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").context("this system tells nothing of its processes")? {
        let dir = entry?.path();
        let Ok(program) = fs::read_link(dir.join("exe")) else {
            continue; // none of ours, or it has ended
        };
        let name = program.file_name().unwrap_or_default();
        let Some(name) = SERVICES.into_iter().find(|known| name == *known) else {
            continue;
        };
        if has(&dir.join("environ"), &mark)
            && let Some(kib) = resident(&dir.join("status"))
        {
            let most = found.entry(name).or_insert(0);
            *most = (kib >> 10).max(*most);
        }
    }
    Ok(found)
}

fn has(environ: &Path, mark: &str) -> bool {
    let environ = fs::read(environ).unwrap_or_default();
    let mut variables = environ.split(|byte| *byte == 0);
    variables.any(|variable| variable == mark.as_bytes())
}

fn resident(status: &Path) -> Option<u64> {
    let status = fs::read_to_string(status).ok()?;
    let mut lines = status.lines();
    let kib = lines.find_map(|line| line.strip_prefix("VmRSS:"))?;
    kib.trim().strip_suffix(" kB")?.parse().ok()
}

/// One execution whose model answers at once: its session.
async fn execute(stack: &Stack, api: &Api, agent: &Agent, session: Option<&str>) -> Result<String> {
    let script = stack.script("growth").await?;
    script.answer(Answer::text("Yes.")).await?;
    let ask = Ask::new(agent, script.model(), "Well?");
    let ask = match session {
        Some(session) => ask.in_session(session),
        None => ask,
    };
    let done = ask.completed(api).await?;
    script.finish().await?; // or the gateway would keep it for the evidence
    Ok(done.session().to_owned())
}

/// Prints what each step takes.
pub(crate) async fn print(stack: &Stack) -> Result<()> {
    let api = stack.api()?;
    let agent = NewAgent::new("growth").apply(&api).await?;
    println!("executions, {AT_ONCE} at once: a second of the last, MiB");
    println!("         0              {:?}", memory(&stack.run_id)?);
    let mut done = 0;
    for wanted in EXECUTIONS {
        let more = wanted - done;
        let began = Instant::now();
        let all = stream::iter(0..more).map(|_| execute(stack, &api, &agent, None));
        let mut all = all.buffer_unordered(AT_ONCE);
        while all.try_next().await?.is_some() {}
        done = wanted;
        let rate = more as f64 / began.elapsed().as_secs_f64();
        println!("{done:>10} {rate:>8.1} /s  {:?}", memory(&stack.run_id)?);
    }
    println!("executions of a session before: one more, ms (median of 5)");
    let session = execute(stack, &api, &agent, None).await?;
    let mut earlier = 1;
    for wanted in EARLIER {
        while earlier < wanted {
            execute(stack, &api, &agent, Some(&session)).await?;
            earlier += 1;
        }
        let mut took = Vec::new();
        for _ in 0..5 {
            let began = Instant::now();
            execute(stack, &api, &agent, Some(&session)).await?;
            took.push(since(began));
        }
        earlier += took.len();
        took.sort_by(f64::total_cmp);
        println!(
            "{wanted:>10} {:>8.1}     {:?}",
            took[2],
            memory(&stack.run_id)?
        );
    }
    Ok(())
}
