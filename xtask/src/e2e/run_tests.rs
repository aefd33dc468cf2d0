//! Tests of one phase against a stack that is up, then evidence when they failed.

use super::build;
use super::failures;
use super::lanes::{self, Lanes};
use super::nextest::{self, Talk, TestRunner, Tests};
use super::nextest_metadata;
use super::report::PhaseReport;
use super::report::junit::{self, Counts};
use super::test_run::TestRun;
use anyhow::Context;
use harness_base::{Code, Inherit, Output, coded, docker, spawn, tail};
use harness_stack::handle::Handle;
use harness_stack::ready::log_tail;
use harness_stack::{Owner, Runtime, Stack, StackFile, evidence};
use nix::sys::signal::Signal;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// For tests on their way when a shared service dies: those that ask it fail within a second or wait in vain.
const AFTER_DEATH: Duration = Duration::from_secs(10);

/// Writes `stack.json`, runs the tests into the phase's report, drains them at the first signal and ends them at the second.
///
/// # Errors
/// Why they did not pass, or cannot be started.
pub async fn run(
    run: &TestRun<'_>,
    stack: &Stack,
    file: &StackFile,
    lanes: &Lanes,
    report: &mut PhaseReport,
) -> anyhow::Result<()> {
    let (runner, interrupt) = (run.test_runner().await?, &run.context.interrupt);
    file.write(&stack.dir.join("stack.json"))?;
    if matches!(runner, TestRunner::Nextest(_)) {
        std::fs::write(
            nextest::overlay_path(&stack.dir),
            nextest::overlay(&stack.dir),
        )
        .context("write nextest's configuration")?;
    }
    let (artifacts, phase) = (run.context.artifacts()?, file.phase.name());
    let binary = artifacts.test(phase);
    let left_out = match binary {
        Some(binary) if !lanes.all() => lanes::left_out(binary, lanes).await,
        _ => 0,
    };
    let metadata = match (&runner, binary) {
        (TestRunner::Nextest(bin), Some(binary)) => {
            nextest_metadata::metadata(&run.context.run.root, phase, bin, binary).await
        }
        _ => None,
    };
    // Somebody else's stack is reached as its user reaches it; ours by what is told.
    let inherit = match (&runner, file.runtime) {
        (TestRunner::Exec(_), _) | (_, Runtime::External) => Inherit::All,
        _ => Inherit::Tests,
    };
    let command = nextest::command(
        &runner,
        Tests {
            phase,
            filter: run.args.filter.as_deref(),
            lanes,
            metadata,
            dir: &stack.dir,
            root: &run.context.run.root,
            talk: Talk::of(run.args.verbose, std::io::stderr().is_terminal()),
        },
    )
    .inherit(inherit);
    if run.args.verbose {
        eprintln!("$ {}", command.echo());
    }
    let began = Instant::now();
    let pid_file = stack.context.run.pid_file(&format!("{}-tests", file.phase));
    let process = spawn(
        &stack.context.run.own(command),
        &Output::Inherit,
        Some(&pid_file),
    )?;
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
            () = interrupt.reached(1), if !interrupted => {
                interrupted = true;
                process.signal(Signal::SIGINT);
            }
            () = interrupt.reached(2) => {
                build::stop(&process).await;
                break process.kill().await;
            }
            () = tokio::time::sleep(AFTER_DEATH), if dead && !interrupted => {
                build::stop(&process).await;
                break process.kill().await;
            }
            () = tokio::time::sleep(Duration::from_secs(stack.context.config.stop.drain_seconds)), if interrupted => {
                break process.kill().await;
            }
        }
    };
    let junit = std::fs::read_to_string(stack.dir.join("junit.xml")).unwrap_or_default();
    let (counts, cases, tallies) = match junit::read(&junit) {
        Some((cases, counts, tallies)) => (Some(counts), cases, tallies),
        None => (None, Vec::new(), Vec::new()),
    };
    failures::mark(&stack.dir, &cases);
    (report.counts, report.tests, report.cases) = (counts, began.elapsed(), cases);
    (report.lanes, report.left_out) = (tallies, left_out);
    if interrupted || interrupt.count() > 0 {
        return Err(coded(
            Code::Interrupted,
            "interrupted; the tests that ran were given time to end",
        ));
    }
    if let Some(error) = dead_member(stack) {
        return Err(error);
    }
    if exit.code == Some(0) {
        return Ok(());
    }
    if matches!(runner, TestRunner::Nextest(_)) && could_not_run(exit.code, counts) {
        return Err(coded(
            Code::Fault,
            format!("the tests could not be built or listed ({exit})"),
        ));
    }
    Err(coded(Code::TestsFailed, format!("tests failed ({exit})")))
}

/// Nextest's own codes for what is no test's failure: its setup, cargo's metadata, a build, the list of tests.
fn could_not_run(code: Option<i32>, counts: Option<Counts>) -> bool {
    matches!(code, Some(96 | 101 | 102)) || code == Some(104) && counts.is_none()
}

/// Resolves to how a shared service dies; without it every test that is still to come would wait in vain.
fn deaths(stack: &Stack) -> tokio::task::JoinSet<String> {
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
fn shared(stack: &Stack) -> Vec<(String, Handle)> {
    let members = stack.members().into_iter();
    members
        .filter(|(_, member)| member.owner == Owner::Shared)
        .map(|(name, member)| (name, member.handle))
        .collect()
}

/// A shared service that died under the tests is a failure, even when no test noticed.
fn dead_member(stack: &Stack) -> Option<anyhow::Error> {
    let shared = shared(stack);
    if shared.iter().any(|(_, life)| life.is_lost()) {
        return Some(docker::gone("during the tests"));
    }
    shared.into_iter().find_map(|(name, life)| {
        let exit = life.end()?;
        let tail = log_tail(&stack.log(&name), stack.context.config.evidence.tail_lines);
        Some(coded(
            Code::TestsFailed,
            format!("{name} died during the tests with {exit}\n{tail}"),
        ))
    })
}

/// Service states, log tails, Temporal's histories and what is known of the failed tests, while the stack still answers.
pub async fn collect(stack: &Stack, file: Option<&StackFile>, report: &PhaseReport) {
    failures::collect(stack, &report.cases).await;
    let states: serde_json::Map<String, serde_json::Value> = stack
        .members()
        .into_iter()
        .map(|(name, member)| (name, member.handle.describe()))
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
    // What runs is in services.json, and what it said of a failed test in the test's folder.
    for (name, member) in stack.members() {
        let Some(state) = member
            .handle
            .end()
            .filter(|_| member.owner == Owner::Shared)
        else {
            continue; // a test's own ends when the test wants it
        };
        let last = tail(&stack.log(&name), 5).join("\n    ");
        eprintln!(
            "{name}: {state}, {}\n    {}",
            stack.log(&name).display(),
            stack.context.run.redact(&last)
        );
    }
    let lost = stack
        .members()
        .iter()
        .any(|(_, member)| member.handle.is_lost());
    // One that went with its engine would be asked in vain, for as long as a question may take.
    if let Some(file) = file.filter(|_| !lost) {
        let into = stack.dir.join("histories");
        let most = stack.context.config.evidence.histories;
        evidence::histories(file, &into, most).await;
    }
}
