//! The order of a run: what overlaps with what.

use super::Args;
use super::build::{self, Targets};
use super::lanes::{self, Lanes};
use super::nextest::Runner;
use super::phase;
use super::second;
use super::session::Session;
use super::summary::PhaseReport;
use crate::exit::mended;
use crate::stack::Runtime;
use crate::stack::bins::Bins;
use crate::stack::control;
use crate::stack::file::StackFile;
use crate::stack::members;
use crate::stack::native::Native;
use crate::stack::parts::Parts;
use std::sync::Arc;
use std::time::Instant;

/// What a run leaves to its end.
#[derive(Debug, Default)]
pub struct Driven {
    /// One for each phase.
    pub reports: Vec<PhaseReport>,
    /// Stacks that were started.
    pub stacks: Vec<Arc<Native>>,
}

/// Runs the phases. Whatever happens is in the reports and the session's causes.
pub async fn drive(session: &Session, args: &Args, runtime: Runtime) -> Driven {
    let local = runtime != Runtime::External;
    let targets = Targets::new(&session.config, session.phases, args.exec.is_none(), local);
    let building = async {
        let began = Instant::now();
        let result = build::run(&session.run, &targets, &session.interrupt).await;
        session.step("build", began.elapsed());
        session.built(result.is_ok());
        if let Err(error) = result {
            session.cause(error);
        }
    };
    let finding = async {
        tokio::select! {
            runner = session.runner(args.exec.as_deref()) => drop(runner),
            () = session.interrupt.reached(1) => {}
        }
    };
    let running = async {
        let (mut first, second) = tokio::join!(
            one(session, args, runtime),
            second::up_two(session, args, runtime)
        );
        let two = second::two(session, args, second).await;
        first.reports.extend(two.reports);
        first.stacks.extend(two.stacks);
        first
    };
    let ((), (), driven) = tokio::join!(building, finding, running);
    driven
}

/// Records why a phase cannot pass.
pub fn trouble(session: &Session, report: &mut PhaseReport, error: anyhow::Error) {
    let error = mended(error);
    let text = session.run.redact(&format!("{error:#}"));
    report.trouble = Some(text);
    session.cause(error);
}

async fn one(session: &Session, args: &Args, runtime: Runtime) -> Driven {
    let mut driven = Driven::default();
    if !session.phases.one {
        return driven;
    }
    if runtime == Runtime::External {
        eprintln!(
            "phase1 is left out: it tests servers of its own, and this stack is somebody else's"
        );
        return driven;
    }
    let mut report = PhaseReport {
        name: "phase1",
        ..PhaseReport::default()
    };
    if !session.wait_built().await {
        return driven; // the build is the cause
    }
    match Native::new(&session.run, "phase1", &session.config, &session.interrupt) {
        Err(error) => trouble(session, &mut report, error),
        Ok(stack) => {
            let stack = Arc::new(stack);
            driven.stacks.push(stack.clone());
            if let Err(error) = one_in(session, args, &stack, &mut report).await {
                trouble(session, &mut report, error);
                phase::collect(&stack, None).await;
            }
            if !args.keep {
                stack.down().await;
            }
        }
    }
    driven.reports.push(report);
    driven
}

async fn one_in(
    session: &Session,
    args: &Args,
    stack: &Arc<Native>,
    report: &mut PhaseReport,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let parts = Arc::new(Parts::alone(Bins::new(&session.config)?));
    let server = members::start_server(stack, &parts, "server", &[]).await?;
    parts.share(&server);
    (report.ready, report.services) = (Some(began.elapsed()), stack.timings());
    report.on.push("server alone, on host processes".into());
    let control = control::serve(stack.clone(), parts.clone()).await?;
    let file = StackFile {
        control: Some(control.at.clone()),
        ..StackFile::ours(stack, &parts, server)
    };
    tests(session, args, stack, &file, &lanes::ALL, report).await
}

/// Runs a phase's tests into its report.
pub async fn tests(
    session: &Session,
    args: &Args,
    stack: &Native,
    file: &StackFile,
    lanes: &Lanes,
    report: &mut PhaseReport,
) -> anyhow::Result<()> {
    let runner: Runner = session.runner(args.exec.as_deref()).await?;
    let tested = phase::test(stack, file, &runner, args.filter.as_deref(), lanes).await?;
    (report.counts, report.tests) = (tested.counts, tested.took);
    (report.lanes, report.left_out) = (tested.lanes, tested.left_out);
    tested.trouble.map_or(Ok(()), Err)
}
