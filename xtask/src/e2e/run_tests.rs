//! Tests of one phase against a stack that is up.

use super::args::{Args, Reuse};
use super::deaths::{AFTER_DEATH, dead_member, deaths};
use super::failures;
use super::known;
use super::stress;
use super::test_run::TestRun;
use anyhow::Context;
use harness_base::run::info::Judged;
use harness_base::run::judge::{self, Differences};
use harness_base::run::junit::{self, Case};
use harness_base::{Code, Exit, Inherit, Output, Phase, Process, coded, quoted, spawn};
use harness_provision::build;
use harness_selection::Selection;
use harness_selection::lanes::{self, Lanes};
use harness_selection::nextest::{self, Talk, TestRunner, Tests};
use harness_selection::nextest_metadata;
use harness_selection::report::PhaseReport;
use harness_selection::report::tally::{self, Counts};
use harness_stack::{Runtime, Stack, StackFile};
use nix::sys::signal::Signal;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

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
    report.again = again(run.args, file.phase, file.runtime);
    let artifacts = run.context.artifacts()?;
    let left_out = match artifacts.test(file.phase.name()) {
        Some(binary) if !lanes.all() => lanes::left_out(binary, lanes).await,
        _ => 0,
    };
    let differences = match (&runner, run.args.stress) {
        (TestRunner::Nextest(bin), None) => known::listed(run, file.phase, bin, &artifacts).await?,
        _ => Differences::new(),
    };
    let began = Instant::now();
    let processes = start(run, stack, file, lanes).await?;
    let (mut interrupted, mut dead) = (false, false);
    let mut deaths = deaths(stack);
    let each = |signal| processes.iter().for_each(|process| process.signal(signal));
    let exit = loop {
        tokio::select! {
            exit = all(&processes) => break exit,
            Some(Ok(death)) = deaths.join_next(), if !dead => {
                dead = true;
                eprintln!("{death}: no further test begins");
                each(Signal::SIGINT);
            }
            () = interrupt.reached(1), if !interrupted => {
                interrupted = true;
                each(Signal::SIGINT);
            }
            () = interrupt.reached(2) => break end(&processes, true).await,
            () = tokio::time::sleep(AFTER_DEATH), if dead && !interrupted => break end(&processes, true).await,
            () = tokio::time::sleep(Duration::from_secs(stack.context.config.stop.drain_seconds)), if interrupted => {
                break end(&processes, false).await;
            }
        }
    };
    report.tests = began.elapsed();
    let judged = match run.args.stress {
        None => count(stack, &differences, report)?,
        Some(_) => {
            report.counts = stress::read(&stack.dir, processes.len(), report);
            Judged::default()
        }
    };
    failures::mark(&stack.dir, &report.cases);
    report.left_out = left_out;
    let counts = report.counts;
    let stopped = interrupted || dead || interrupt.count() > 0;
    if run.args.exec.is_none() && run.args.stress.is_none() {
        // 0 and 100 are nextest's codes for tests that all ran.
        let all_ran = !stopped && matches!(exit.code, Some(0 | 100)) && run.args.nextest.is_empty();
        let filter = run.args.filter.as_deref();
        let these = run.narrowed.with(file.phase, filter, lanes.expression());
        Selection::note(&run.context.run.dir, file.phase, these, all_ran)?;
    }
    if interrupted || interrupt.count() > 0 {
        return Err(coded(
            Code::Interrupted,
            "interrupted; the tests that ran were given time to end",
        ));
    }
    if let Some(error) = dead_member(stack) {
        return Err(error);
    }
    if let Some(why) = judge::stale(&judged) {
        let also = match exit.code {
            Some(0) => String::new(),
            _ if judged.failed.is_empty() => String::new(),
            _ => format!("\ntests failed ({exit})"),
        };
        return Err(coded(Code::TestsFailed, format!("{why}{also}")));
    }
    // Of tests that are repeated nextest's code tells of the last time alone.
    if let Some(repeated) = counts.filter(|it| run.args.stress.is_some() && it.failed > 0) {
        let text = format!("{} of {} failed", repeated.failed, repeated.tests);
        return Err(coded(Code::TestsFailed, text));
    }
    let as_known =
        exit.code == Some(FAILED) && judged.failed.is_empty() && !judged.known.is_empty();
    if exit.code == Some(0) || as_known {
        return Ok(());
    }
    if matches!(runner, TestRunner::Nextest(_)) {
        if matches!(exit.code, Some(REFUSED | NO_FILTER)) {
            let text = "no test ran: nextest refuses the filter or an argument, and says above why";
            return Err(coded(Code::Usage, text));
        }
        if could_not_run(exit.code, counts) {
            let text = format!("the tests could not be built or listed ({exit})");
            return Err(coded(Code::Fault, text));
        }
    }
    Err(coded(Code::TestsFailed, format!("tests failed ({exit})")))
}

/// The flags by which another run meets what this one did, as they are typed.
fn again(args: &Args, phase: Phase, runtime: Runtime) -> String {
    let mut words: Vec<String> = match (args.reuse, runtime) {
        _ if phase == Phase::One => Vec::new(),
        (Some(Reuse::External), _) => vec!["--reuse=external".into()],
        (Some(Reuse::AsIs), _) => vec!["--reuse=as-is".into()],
        (Some(Reuse::Fresh), _) => vec!["--reuse".into()],
        (None, Runtime::Docker) => vec!["--runtime".into(), "docker".into()],
        (None, _) => Vec::new(),
    };
    if let Some(parts) = &args.parts {
        words.extend(["--parts".into(), quoted(&parts.to_string_lossy())]);
    }
    if phase == Phase::Two && args.reuse.is_none() {
        words.extend(args.model.flags());
    }
    words.iter().map(|word| format!(" {word}")).collect()
}

/// Starts the tests, once or in copies side by side.
async fn start(
    run: &TestRun<'_>,
    stack: &Stack,
    file: &StackFile,
    lanes: &Lanes,
) -> anyhow::Result<Vec<Process>> {
    let runner = run.test_runner().await?;
    let (artifacts, phase) = (run.context.artifacts()?, file.phase.name());
    let metadata = match (&runner, artifacts.test(phase)) {
        (TestRunner::Nextest(bin), Some(binary)) => {
            nextest_metadata::metadata(&run.context.run.root, phase, bin, binary).await
        }
        _ => None,
    };
    // Somebody else's stack is reached as its user reaches it; ours by what is told.
    let inherit = match (&runner, file.runtime) {
        (TestRunner::Exec(_), _) => Inherit::All,
        (_, Runtime::External) => Inherit::TestTool,
        _ => Inherit::Tests,
    };
    let narrowed = run.narrowed.expression(file.phase);
    let first = run.args.first.get(phase).cloned().unwrap_or_default();
    let mut processes = Vec::new();
    for copy in stress::copies(run.args.stress) {
        if matches!(runner, TestRunner::Nextest(_)) {
            let overlay = nextest::overlay(&nextest::junit_path(&stack.dir, copy), &first);
            std::fs::write(nextest::overlay_path(&stack.dir, copy), overlay)
                .context("write nextest's configuration")?;
        }
        let also = [&run.args.nextest[..], &stress::args(run.args.stress)].concat();
        let tests = Tests {
            phase,
            filter: run.args.filter.as_deref(),
            narrowed: narrowed.as_deref(),
            lanes,
            shard: run.args.shard.as_deref(),
            also: &also,
            copy,
            metadata: metadata.clone(),
            dir: &stack.dir,
            root: &run.context.run.root,
            talk: match copy {
                // Whoever tells nextest how to talk must not contradict us.
                None if !run.args.nextest.is_empty() => Talk::All,
                None => Talk::of(run.args.verbose, std::io::stderr().is_terminal()),
                Some(_) => Talk::Lines,
            },
        };
        let command = nextest::command(&runner, tests).inherit(inherit);
        let (output, name) = match copy {
            None => (Output::Inherit, format!("{phase}-tests")),
            Some(copy) => (
                Output::Log(stress::log(&stack.dir, copy)?),
                format!("{phase}-tests-{copy}"),
            ),
        };
        if run.args.verbose {
            eprintln!("$ {}", command.echo());
        }
        let pid_file = stack.context.run.pid_file(&name);
        let command = stack.context.run.own(command);
        processes.push(spawn(&command, &output, Some(&pid_file))?);
    }
    Ok(processes)
}

/// Waits for all of them; the first exit that is no success, where there is one.
async fn all(processes: &[Process]) -> Exit {
    let mut worst = None;
    for process in processes {
        let exit = process.wait().await;
        worst = worst.filter(|it: &Exit| it.code != Some(0)).or(Some(exit));
    }
    worst.unwrap_or(Exit::UNKNOWN)
}

async fn end(processes: &[Process], gently: bool) -> Exit {
    for process in processes {
        if gently {
            build::stop(process).await;
        }
        process.kill().await;
    }
    all(processes).await
}

/// Counts what ran, and tells the JUnit file what is known to differ.
fn count(
    stack: &Stack,
    differences: &Differences,
    report: &mut PhaseReport,
) -> anyhow::Result<Judged> {
    let path = nextest::junit_path(&stack.dir, None);
    let junit = std::fs::read_to_string(&path).unwrap_or_default();
    let Some(cases) = junit::read(&junit) else {
        return Ok(Judged::default());
    };
    let judged = judge::judge(&cases, differences);
    let (counts, lanes) = tally::tally(&cases, &judged);
    let cases: Vec<Case> = cases
        .into_iter()
        .map(|case| judge::judged(case, &judged))
        .collect();
    (report.counts, report.cases, report.lanes) = (Some(counts), cases, lanes);
    if !differences.is_empty() {
        report.judged = Some(judged.clone());
        let noted = junit::noted(&junit, |test| judge::note(test, &judged));
        std::fs::write(&path, noted.unwrap_or(junit)).context("write what differs as known")?;
    }
    Ok(judged)
}

/// Nextest's code for tests that failed.
const FAILED: i32 = 100;

/// Nextest's codes for a command line, and for an expression, that it cannot read.
const REFUSED: i32 = 2;
const NO_FILTER: i32 = 94;

/// Nextest's own codes for what is no test's failure: its setup, cargo's metadata, a build, the list of tests.
fn could_not_run(code: Option<i32>, counts: Option<Counts>) -> bool {
    matches!(code, Some(70 | 92 | 95 | 96 | 101 | 102)) || code == Some(104) && counts.is_none()
}

#[cfg(test)]
mod tests;
