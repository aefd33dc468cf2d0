//! One phase: tests against a stack that is up, then evidence when they failed.

use super::build;
use super::junit::{self, Counts, Tally};
use super::lanes::{self, Lanes};
use super::nextest::{self, Runner, Tests};
use super::reuse;
use crate::docker;
use crate::evidence;
use crate::exit::{Code, coded};
use crate::process::{Output, spawn, tail};
use crate::stack::file::StackFile;
use crate::stack::life::Life;
use crate::stack::native::Native;
use crate::stack::ready::log_tail;
use anyhow::Context;
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

/// For tests on their way when a shared service dies: those that ask it fail within a second or wait in vain.
const AFTER_DEATH: Duration = Duration::from_secs(10);

/// How the tests went.
#[derive(Debug)]
pub struct Tested {
    /// Counts, where there is a JUnit file.
    pub counts: Option<Counts>,
    /// The same by lane.
    pub lanes: Vec<Tally>,
    /// How many the lanes left out.
    pub left_out: usize,
    /// Their time.
    pub took: Duration,
    /// Why they did not pass.
    pub trouble: Option<anyhow::Error>,
}

/// Writes `stack.json`, runs the tests, drains them at the first signal and ends them at the second.
///
/// # Errors
/// When they cannot be started; tests that fail are in the result.
pub async fn test(
    stack: &Native,
    file: &StackFile,
    runner: &Runner,
    filter: Option<&str>,
    lanes: &Lanes,
) -> anyhow::Result<Tested> {
    file.write(&stack.dir.join("stack.json"))?;
    if matches!(runner, Runner::Nextest(_)) {
        std::fs::write(
            nextest::overlay_path(&stack.dir),
            nextest::overlay(&stack.dir),
        )
        .context("write nextest's configuration")?;
    }
    let built = build::artifacts(&stack.run);
    let left_out = match reuse::binary(&built, &file.phase) {
        Some(binary) if !lanes.all() => lanes::left_out(binary.as_ref(), lanes).await,
        _ => 0,
    };
    let metadata = match runner {
        Runner::Nextest(bin) => reuse::metadata(&stack.run.root, &file.phase, bin, &built).await,
        Runner::Exec(_) => None,
    };
    let command = nextest::command(
        runner,
        Tests {
            phase: &file.phase,
            filter,
            lanes,
            metadata,
            dir: &stack.dir,
            root: &stack.run.root,
        },
    );
    eprintln!("$ {}", command.echo());
    let began = Instant::now();
    let pid_file = stack.run.pid_file(&format!("{}-tests", file.phase));
    let process = spawn(&stack.run.own(command), &Output::Inherit, Some(&pid_file))?;
    let (mut interrupted, mut dead) = (false, false);
    let mut deaths = deaths(stack);
    let exit = loop {
        tokio::select! {
            exit = process.wait() => break exit,
            Some(Ok(death)) = deaths.join_next(), if !dead => {
                dead = true;
                eprintln!("{death}: no further test begins");
                process.signal(Signal::SIGINT);
            }
            () = stack.interrupt.reached(1), if !interrupted => {
                interrupted = true;
                process.signal(Signal::SIGINT);
            }
            () = stack.interrupt.reached(2) => {
                build::stop(&process).await;
                break process.kill().await;
            }
            () = tokio::time::sleep(AFTER_DEATH), if dead && !interrupted => {
                build::stop(&process).await;
                break process.kill().await;
            }
            () = tokio::time::sleep(Duration::from_secs(stack.config.stop.drain_seconds)), if interrupted => {
                break process.kill().await;
            }
        }
    };
    let junit = std::fs::read_to_string(stack.dir.join("junit.xml")).unwrap_or_default();
    let (counts, lanes) = junit::read(&junit).unzip();
    let trouble = if interrupted || stack.interrupt.count() > 0 {
        Some(coded(
            Code::Interrupted,
            "interrupted; the tests that ran were given time to end",
        ))
    } else if let Some(error) = dead_member(stack) {
        Some(error)
    } else if exit.code == Some(0) {
        None
    } else if matches!(runner, Runner::Nextest(_)) && could_not_run(exit.code, counts) {
        Some(coded(
            Code::Fault,
            format!("the tests could not be built or listed ({exit})"),
        ))
    } else {
        Some(coded(Code::TestsFailed, format!("tests failed ({exit})")))
    };
    Ok(Tested {
        counts,
        lanes: lanes.unwrap_or_default(),
        left_out,
        took: began.elapsed(),
        trouble,
    })
}

/// Nextest's own codes for what is no test's failure: its setup, cargo's metadata, a build, the list of tests.
fn could_not_run(code: Option<i32>, counts: Option<Counts>) -> bool {
    matches!(code, Some(96 | 101 | 102)) || code == Some(104) && counts.is_none()
}

/// Resolves to how a shared service dies; without it every test that is still to come would wait in vain.
fn deaths(stack: &Native) -> tokio::task::JoinSet<String> {
    let mut deaths = tokio::task::JoinSet::new();
    for (name, life) in shared(stack) {
        deaths.spawn(async move {
            let exit = life.wait().await;
            if life.is_lost() {
                return "the Docker daemon stopped answering".into();
            }
            let end = life.end().unwrap_or_else(|| exit.to_string());
            format!("{name} died with {end}")
        });
    }
    deaths
}

/// Members that are not a test's own.
fn shared(stack: &Native) -> Vec<(String, Life)> {
    let mut members = stack.members();
    members.retain(|(name, _)| !name.contains('-'));
    members
}

/// A shared service that died under the tests is a failure, even when no test noticed.
fn dead_member(stack: &Native) -> Option<anyhow::Error> {
    let shared = shared(stack);
    if shared.iter().any(|(_, life)| life.is_lost()) {
        return Some(docker::gone("during the tests"));
    }
    shared.into_iter().find_map(|(name, life)| {
        let exit = life.end()?;
        let tail = log_tail(&stack.log(&name), stack.config.evidence.tail_lines);
        Some(coded(
            Code::TestsFailed,
            format!("{name} died during the tests with {exit}\n{tail}"),
        ))
    })
}

/// Service states, log tails and Temporal's histories, while the stack still answers.
pub async fn collect(stack: &Native, file: Option<&StackFile>) {
    let states: serde_json::Map<String, serde_json::Value> = stack
        .members()
        .into_iter()
        .map(|(name, life)| (name, life.describe()))
        .collect();
    // Evidence is collected as far as it goes: what cannot be written must not hide why it was wanted.
    let _ = std::fs::write(
        stack.dir.join("services.json"),
        serde_json::Value::from(states.clone()).to_string(),
    );
    if stack.containers().is_some() {
        evidence::exchanges(
            &stack.log("gateway"),
            &stack.dir.join("logs/exchanges.jsonl"),
        );
    }
    for (name, life) in stack.members() {
        let state = life.end().unwrap_or_else(|| "running".to_owned());
        let last = tail(&stack.log(&name), 5).join("\n    ");
        eprintln!(
            "{name}: {state}, {}\n    {}",
            stack.log(&name).display(),
            stack.run.redact(&last)
        );
    }
    let lost = stack.members().iter().any(|(_, life)| life.is_lost());
    // One that went with its engine would be asked in vain, for as long as a question may take.
    if let Some(temporal) = file
        .and_then(|file| file.temporal.as_ref())
        .filter(|_| !lost)
    {
        let into = stack.dir.join("histories");
        let count = evidence::histories(
            &temporal.cli,
            &temporal.address,
            &temporal.namespace,
            &into,
            stack.config.evidence.histories,
        )
        .await;
        if count > 0 {
            eprintln!(
                "{count} histories of executions that did not complete: {}",
                into.display()
            );
        }
    }
}
