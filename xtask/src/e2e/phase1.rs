//! Phase 1: one server on this host, in each runtime.

use super::failures;
use super::outcome::{PhaseOutcome, fail};
use super::run_tests;
use super::test_run::TestRun;
use harness_base::{Code, Part, Phase, code_of};
use harness_selection::lanes;
use harness_selection::report::PhaseReport;
use harness_stack::{Runtime, Stack, alone, control};
use std::sync::Arc;
use std::time::Instant;

/// Starts the server, runs the tests, stops it.
pub async fn run(run: &TestRun<'_>) -> PhaseOutcome {
    if !run.phases.one {
        return (None, None);
    }
    if run.runtime == Runtime::External {
        eprintln!(
            "phase1 is left out: it tests servers of its own, and this stack is somebody else's"
        );
        return (None, None);
    }
    if let Err(report) = run.has_test_runner(Phase::One).await {
        return (Some(report), None);
    }
    if run.context.wait_built().await.is_err() {
        return (None, None); // the build is the cause
    }
    let mut report = PhaseReport::new(Phase::One);
    let stack = match Stack::new(&run.context, Phase::One) {
        Ok(stack) => Arc::new(stack),
        Err(error) => {
            fail(&mut report, error);
            return (Some(report), None);
        }
    };
    match tests(run, &stack, &mut report).await {
        Err(error) if code_of(&error) == Code::Missing => {
            report.skip(error, !run.fails_if_missing);
        }
        Err(error) => {
            fail(&mut report, error);
            failures::explain(&stack, None, &report).await;
        }
        Ok(()) => {}
    }
    if !run.args.keep {
        stack.down().await;
    }
    (Some(report), Some(stack))
}

async fn tests(
    run: &TestRun<'_>,
    stack: &Arc<Stack>,
    report: &mut PhaseReport,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let (wiring, mut file) = alone::phase1(stack).await?;
    (report.ready, report.services) = (Some(began.elapsed()), stack.timings());
    let server = match run.context.config.parts.guest(Part::Server) {
        Some(guest) => format!("server of {}", guest.place()),
        None => "server".into(),
    };
    report.on.push(format!("{server} alone, on host processes"));
    let control = control::serve(stack.clone(), wiring).await?;
    file.control = Some(control.at.clone());
    run_tests::run(run, stack, &file, &lanes::ALL, report).await
}
