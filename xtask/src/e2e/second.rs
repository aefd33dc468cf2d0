//! Phase 2: the whole chain.

use super::Args;
use super::bring_up::{self, Up};
use super::flow::{Driven, tests, trouble};
use super::lanes::{Has, Lanes};
use super::live::{Live, Mode, Plan};
use super::phase;
use super::session::Session;
use super::summary::PhaseReport;
use crate::exit::{Code, code_of, coded};
use crate::prereqs;
use crate::stack::compose::up;
use crate::stack::file::StackFile;
use crate::stack::native::Native;
use crate::stack::parts::Parts;
use crate::stack::{Runtime, control, external};
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
        let up = external::find(session, &stack, args.reuse, args.model.model).await;
        return Second::Tried {
            stack,
            up: up.map(Box::new),
        };
    }
    let fails = args.fails_if_missing(std::env::var("CI").ok().as_deref());
    let missing = prereqs::missing_for_run(&session.config, None).await;
    if !missing.is_empty() {
        report.skipped = true;
        report.trouble = Some(format!("missing:\n{}", missing.join("\n")));
        if fails {
            session.cause(coded(
                Code::Missing,
                format!("phase 2 cannot run: {}", missing.join("; ")),
            ));
        }
        return Second::Not(Some(Box::new(report)));
    }
    let wish = args.model.wish();
    let plan = match Plan::make(&session.config, args.model.model, &wish, fails).await {
        Ok(plan) => plan,
        Err(error) => {
            report.skipped = code_of(&error) == Code::Missing;
            trouble(session, &mut report, error);
            return Second::Not(Some(Box::new(report)));
        }
    };
    let up = if runtime == Runtime::Docker {
        up::phase2(session, &stack, plan).await
    } else {
        bring_up::phase2(session, &stack, plan).await
    };
    Second::Tried {
        stack,
        up: up.map(Box::new),
    }
}

/// Phase 2's tests and its end.
pub async fn two(session: &Session, args: &Args, second: Second) -> Driven {
    let (stack, up) = match second {
        Second::Not(report) => {
            return Driven {
                reports: report.into_iter().map(|report| *report).collect(),
                stacks: Vec::new(),
            };
        }
        Second::Tried { stack, up } => (stack, up),
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
            report.on = on(&up);
            let has = Has {
                model: up.live.model().is_some(),
                gateway: up.file.gateway.is_some(),
                control: up.file.runtime != "external",
            };
            let lanes = Lanes::of(args.model.model, has);
            report.without = without(args.model.model, &lanes, &up.live);
            report.model = up
                .file
                .model
                .as_ref()
                .map(|at| format!("{} {}", at.kind, at.name));
            let mut file = up.file.clone();
            let result = two_in(
                session,
                args,
                &stack,
                up.parts.clone(),
                &mut file,
                &lanes,
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
    lanes: &Lanes,
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
    tests(session, args, stack, file, lanes, report).await
}

/// Why lanes do not run; `None` where all do.
fn without(mode: Mode, lanes: &Lanes, live: &Live) -> Option<String> {
    if lanes.all() {
        return None;
    }
    if mode == Mode::Record {
        return Some("--model record runs the replayed lane alone".into());
    }
    let why = |lane: &&str| match (*lane, live) {
        ("stack", _) => "the stack lane, since a stack of somebody else's is not to be hurt".into(),
        ("scripted" | "replayed" | "volume", _) => {
            format!("the {lane} lane, since E2E_GATEWAY_URL names no model gateway")
        }
        (_, Live::Not(why)) if mode != Mode::Replay => {
            format!("the live lane has no model: {why}")
        }
        (_, _) => "the live lane, since --model replay asks no model".into(),
    };
    let whys: Vec<String> = lanes.left_out().iter().map(why).collect();
    Some(whys.join("\n"))
}

fn on(up: &Up) -> Vec<String> {
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
        let why = up.live.model().map(|model| format!(": {}", model.why));
        let why = why.unwrap_or_default();
        lines.push(format!("model {} ({}{why})", at.name, at.kind));
    }
    lines
}
