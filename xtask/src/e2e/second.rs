//! Phase 2: the whole chain.

use super::Args;
use super::bring_up::{self, Up};
use super::flow::{Driven, tests, trouble};
use super::phase;
use super::session::Session;
use super::summary::PhaseReport;
use crate::exit::{Code, code_of, coded};
use crate::model::{self, Model};
use crate::prereqs;
use crate::stack::compose::up;
use crate::stack::members::Parts;
use crate::stack::native::Native;
use crate::stack::{Runtime, StackFile, control, external};
use std::sync::Arc;
use std::time::Instant;

/// Phase 2 as far as it came before its tests.
#[derive(Debug)]
pub enum Second {
    /// Not asked for, or skipped.
    Not(Option<Box<PhaseReport>>),
    /// Tried.
    Tried {
        /// Its processes.
        stack: Arc<Native>,
        /// Ready, or why not.
        up: anyhow::Result<Box<Up>>,
        /// The model that was chosen here; `None` when the stack brought its own.
        model: Option<Model>,
    },
}

/// Brings phase 2 up, or finds out why not.
pub async fn up_two(session: &Session, args: &Args, runtime: Runtime) -> Second {
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
    let up = if runtime == Runtime::Docker {
        up::phase2(session, &stack, model.clone(), args.offline).await
    } else {
        bring_up::phase2(session, &stack, model.clone()).await
    };
    Second::Tried {
        stack,
        up: up.map(Box::new),
        model: Some(model),
    }
}

/// Phase 2's tests and its end.
pub async fn two(session: &Session, args: &Args, second: Second) -> Driven {
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
        "on {}",
        match up.file.runtime.as_str() {
            "external" => "somebody else's processes",
            "docker" => "containers",
            _ => "host processes",
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
