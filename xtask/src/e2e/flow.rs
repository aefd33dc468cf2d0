//! The order of a run: what overlaps with what.

use super::Args;
use super::bring_up::{self, Up};
use super::build::{self, Targets};
use super::nextest::Runner;
use super::phase;
use super::session::Session;
use super::summary::PhaseReport;
use crate::exit::{Code, code_of, coded};
use crate::model::{self, Model};
use crate::prereqs;
use crate::stack::control;
use crate::stack::members::{self, Bins, Parts};
use crate::stack::native::Native;
use crate::stack::{Bin, Runtime, StackFile, external};
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
    let local = runtime == Runtime::Native;
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
        let (mut first, second) =
            tokio::join!(one(session, args, runtime), up_two(session, args, runtime));
        let two = two(session, args, second).await;
        first.reports.extend(two.reports);
        first.stacks.extend(two.stacks);
        first
    };
    let ((), (), driven) = tokio::join!(building, finding, running);
    driven
}

fn trouble(session: &Session, report: &mut PhaseReport, error: anyhow::Error) {
    let text = session.run.redact(&format!("{error:#}"));
    report.trouble = Some(text);
    session.cause(error);
}

async fn one(session: &Session, args: &Args, runtime: Runtime) -> Driven {
    let mut driven = Driven::default();
    if !session.phases.one || runtime == Runtime::External {
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
    let parts = Arc::new(Parts::new(Bins::new(&session.config)?, None, None));
    let server = members::start_server(stack, &parts, "server", &[]).await?;
    (report.ready, report.services) = (Some(began.elapsed()), stack.timings());
    report.on.push("server alone, on host processes".into());
    let control = control::serve(stack.clone(), parts.clone()).await?;
    let file = StackFile {
        run_id: session.run.id.clone(),
        phase: "phase1".into(),
        runtime: "native".into(),
        server,
        temporal: None,
        model: None,
        control: Some(control.at.clone()),
        bin: Bin {
            stigmer: parts.bins.cli.clone(),
        },
        logs: stack.dir.join("logs"),
    };
    tests(session, args, stack, &file, report).await
}

async fn tests(
    session: &Session,
    args: &Args,
    stack: &Native,
    file: &StackFile,
    report: &mut PhaseReport,
) -> anyhow::Result<()> {
    let runner: Runner = session.runner(args.exec.as_deref()).await;
    let tested = phase::test(stack, file, &runner, args.filter.as_deref()).await?;
    (report.counts, report.tests) = (tested.counts, tested.took);
    tested.trouble.map_or(Ok(()), Err)
}

/// Phase 2 as far as it came before its tests.
enum Second {
    /// Not asked for, or skipped.
    Not(Option<Box<PhaseReport>>),
    /// Tried.
    Tried {
        stack: Arc<Native>,
        up: anyhow::Result<Box<Up>>,
        model: Option<Model>,
    },
}

async fn up_two(session: &Session, args: &Args, runtime: Runtime) -> Second {
    if !session.phases.two {
        return Second::Not(None);
    }
    let mut report = PhaseReport {
        name: "phase2",
        ..PhaseReport::default()
    };
    let stack = match Native::new(&session.run, "phase2", &session.config, &session.interrupt) {
        Ok(stack) => Arc::new(stack),
        Err(error) => {
            trouble(session, &mut report, error);
            return Second::Not(Some(Box::new(report)));
        }
    };
    if runtime == Runtime::External || args.reuse {
        let up = external::find(session, &stack, args.reuse).await;
        return Second::Tried {
            stack,
            up: up.map(Box::new),
            model: None,
        };
    }
    let model = match model::choose(&session.config, &args.wish()).await {
        Ok(model) => model,
        Err(error) => {
            trouble(session, &mut report, error);
            return Second::Not(Some(Box::new(report)));
        }
    };
    let missing = prereqs::missing_for_run(&session.config, &model).await;
    if !missing.is_empty() {
        report.skipped = true;
        report.trouble = Some(format!("missing:\n{}", missing.join("\n")));
        if args.fails_if_missing(std::env::var("CI").ok().as_deref()) {
            session.cause(coded(
                Code::Missing,
                format!("phase 2 cannot run: {}", missing.join("; ")),
            ));
        }
        return Second::Not(Some(Box::new(report)));
    }
    let up = bring_up::phase2(session, &stack, model.clone()).await;
    Second::Tried {
        stack,
        up: up.map(Box::new),
        model: Some(model),
    }
}

async fn two(session: &Session, args: &Args, second: Second) -> Driven {
    let (stack, up, model) = match second {
        Second::Not(report) => {
            return Driven {
                reports: report.into_iter().map(|report| *report).collect(),
                stacks: Vec::new(),
            };
        }
        Second::Tried { stack, up, model } => (stack, up, model),
    };
    let mut report = PhaseReport {
        name: "phase2",
        services: stack.timings(),
        ..PhaseReport::default()
    };
    let (mut file, result) = match up {
        Err(error) => (None, Err(error)),
        Ok(up) => {
            report.ready = (up.ready.as_millis() > 0).then_some(up.ready);
            report.on = on(&up, model.as_ref());
            let mut file = up.file.clone();
            let result = two_in(
                session,
                args,
                &stack,
                up.parts.clone(),
                &mut file,
                &mut report,
            )
            .await;
            (Some(file), result)
        }
    };
    if let Err(error) = result {
        let worth_it = code_of(&error) != Code::Fault;
        trouble(session, &mut report, error);
        if worth_it && session.interrupt.count() < 2 {
            phase::collect(&stack, file.take().as_ref()).await;
        }
    }
    if !args.keep {
        let began = Instant::now();
        stack.down().await;
        session.step("stop", began.elapsed());
    }
    Driven {
        reports: vec![report],
        stacks: vec![stack],
    }
}

async fn two_in(
    session: &Session,
    args: &Args,
    stack: &Arc<Native>,
    parts: Arc<Parts>,
    file: &mut StackFile,
    report: &mut PhaseReport,
) -> anyhow::Result<()> {
    if !session.wait_built().await {
        return Err(coded(
            Code::Fault,
            "no tests, since the build did not finish",
        ));
    }
    let control = match file.runtime.as_str() {
        "external" => None,
        _ => Some(control::serve(stack.clone(), parts).await?),
    };
    file.control = control.as_ref().map(|control| control.at.clone());
    tests(session, args, stack, file, report).await
}

fn on(up: &Up, model: Option<&Model>) -> Vec<String> {
    let mut lines = vec![format!(
        "on {} processes",
        if up.file.runtime == "external" {
            "somebody else's"
        } else {
            "host"
        }
    )];
    lines.push(format!(
        "Temporal {} ({})",
        up.temporal.version, up.temporal.source
    ));
    if let Some(at) = &up.file.model {
        let why = model
            .map(|model| format!(": {}", model.why))
            .unwrap_or_default();
        lines.push(format!("model {} ({}{why})", at.name, at.kind));
    }
    lines
}
