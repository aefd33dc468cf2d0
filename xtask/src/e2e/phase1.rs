//! Phase 1: one server on this host, in each runtime.

use super::lanes;
use super::outcome::{PhaseOutcome, fail};
use super::report::PhaseReport;
use super::run_tests;
use super::test_run::TestRun;
use anyhow::Context;
use harness_base::Phase;
use harness_provision::Binary;
use harness_stack::{
    Owner, Runtime, Stack, StackFile, Wiring, control,
    start::{self, Own},
};
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
    if let Err(error) = tests(run, &stack, &mut report).await {
        fail(&mut report, error);
        run_tests::collect(&stack, None, &report).await;
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
    let wiring = Arc::new(Wiring::alone());
    let server = start::service(
        stack,
        &wiring,
        Binary::Server,
        "server",
        Owner::Shared,
        Own::default(),
    );
    let server = server.await?.context("the server announced no address")?;
    let server = format!("http://{server}");
    wiring.set_server(&server);
    (report.ready, report.services) = (Some(began.elapsed()), stack.timings());
    report.on.push("server alone, on host processes".into());
    let control = control::serve(stack.clone(), wiring).await?;
    let file = StackFile {
        control: Some(control.at.clone()),
        ..StackFile::ours(stack, server)?
    };
    run_tests::run(run, stack, &file, &lanes::ALL, report).await
}
