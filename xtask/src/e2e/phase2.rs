//! Phase 2: the whole chain.

use super::args::Args;
use super::failures;
use super::outcome::{PhaseOutcome, fail};
use super::run_tests;
use super::test_run::TestRun;
use crate::model_choice;
use harness_base::{Code, Phase, code_of};
use harness_provision::{LiveModel, Mode};
use harness_selection::lanes::{self, Has, Lanes};
use harness_selection::report::PhaseReport;
use harness_stack::member::Stay;
use harness_stack::{Ports, Runtime, Stack, StackFile, Up, bring_up, control, kept, there};
use std::sync::Arc;
use std::time::Instant;

/// Phase 2 as far as it came before its tests.
#[derive(Debug)]
pub enum Phase2 {
    /// Not asked for.
    NotAsked,
    /// Skipped, or it failed before anything could be started.
    Skipped(Box<PhaseReport>),
    /// Started.
    Started {
        /// Its services.
        stack: Arc<Stack>,
        /// Ready, or why not.
        up: anyhow::Result<Box<Up>>,
    },
}

/// Brings phase 2 up, or finds out why not.
pub async fn bring_up(run: &TestRun<'_>) -> Phase2 {
    if !run.phases.two {
        return Phase2::NotAsked;
    }
    let (context, args) = (&run.context, run.args);
    let stack = match Stack::new(context, Phase::Two) {
        Ok(stack) if args.keep => Arc::new(stack.staying(Stay::default())),
        Ok(stack) => Arc::new(stack),
        Err(error) => return Phase2::Skipped(Box::new(failed(error))),
    };
    if let Some(reuse) = args.reuse {
        let up = there::find(&stack, reuse.into(), args.model.mode()).await;
        return Phase2::Started {
            stack,
            up: up.map(Box::new),
        };
    }
    if let Err(report) = run.has_test_runner(Phase::Two).await {
        return Phase2::Skipped(Box::new(report));
    }
    let (config, required) = (&context.config, run.fails_if_missing);
    let skipped = |error, excused| {
        let mut report = PhaseReport::new(Phase::Two);
        report.skip(error, excused);
        Phase2::Skipped(Box::new(report))
    };
    if let Err(error) = model_choice::equipped(config).await {
        return skipped(error, !required && !args.model.mode().needs_model());
    }
    let plan = match model_choice::plan(config, &args.model, required, &context.interrupt).await {
        Ok(plan) => plan,
        // A model that was asked for is no matter of the machine's.
        Err(error) if code_of(&error) == Code::Missing => return skipped(error, false),
        Err(error) => return Phase2::Skipped(Box::new(failed(error))),
    };
    let up = bring_up::phase2(&stack, plan, run.runtime, Ports::default()).await;
    Phase2::Started {
        stack,
        up: up.map(Box::new),
    }
}

fn failed(error: anyhow::Error) -> PhaseReport {
    let mut report = PhaseReport::new(Phase::Two);
    fail(&mut report, error);
    report
}

/// Phase 2's tests and its end.
pub async fn run(run: &TestRun<'_>, phase2: Phase2) -> PhaseOutcome {
    let (stack, up) = match phase2 {
        Phase2::NotAsked => return (None, None),
        Phase2::Skipped(report) => return (Some(*report), None),
        Phase2::Started { stack, up } => (stack, up),
    };
    let mut report = PhaseReport::new(Phase::Two);
    report.services = stack.timings();
    let (file, result) = match up {
        Err(error) => (None, Err(error)),
        Ok(up) => {
            let lanes = describe(&mut report, run.args, &up);
            if up.file.runtime != Runtime::External {
                let guests = run.context.config.parts.guests();
                let said = guests.map(|(part, it)| format!("{part} of {}", it.place()));
                report.on.extend(said);
            }
            let mut file = up.file.clone();
            let result = tests(run, &stack, &up, &mut file, &lanes, &mut report).await;
            (Some(file), result)
        }
    };
    if let Err(error) = result {
        let worth_it = code_of(&error) != Code::Fault;
        fail(&mut report, error);
        if worth_it && run.context.interrupt.count() < 2 {
            failures::explain(&stack, file.as_ref(), &report).await;
        }
    }
    if !run.args.keep {
        let began = Instant::now();
        stack.down().await;
        run.context.step("stop", began.elapsed());
    }
    (Some(report), Some(stack))
}

async fn tests(
    run: &TestRun<'_>,
    stack: &Arc<Stack>,
    up: &Up,
    file: &mut StackFile,
    lanes: &Lanes,
    report: &mut PhaseReport,
) -> anyhow::Result<()> {
    run.context.wait_built().await?;
    if run.args.keep && run.args.reuse.is_none() {
        kept::keep(stack, up).await?;
    }
    let control = match file.runtime {
        Runtime::External => None,
        _ => Some(control::serve(stack.clone(), up.wiring.clone()).await?),
    };
    file.control = control.as_ref().map(|control| control.at.clone());
    run_tests::run(run, stack, file, lanes, report).await
}

/// Tells people what runs on what; the lanes that this leaves.
fn describe(report: &mut PhaseReport, args: &Args, up: &Up) -> Lanes {
    let mode = args.model.mode();
    report.ready = (up.ready.as_millis() > 0).then_some(up.ready);
    report.on = on(up);
    report.place = match up.file.runtime {
        Runtime::Native => None,
        Runtime::Docker => Some("containers"),
        Runtime::External => Some("another stack"),
    };
    report.on.extend(up.remarks.iter().cloned());
    let has = Has {
        model: up.live.model().is_some(),
        tools: up
            .live
            .model()
            .is_none_or(|model| model.tools != Some(false)),
        gateway: up.file.gateway.is_some(),
        control: up.file.runtime != Runtime::External,
    };
    let lanes = Lanes::of(mode, has);
    report.without = without(mode, &lanes, &up.live);
    let model = up.file.model.as_ref();
    report.model = model.map(|at| format!("{} {}", at.kind, at.name));
    lanes
}

/// Why lanes do not run; `None` where all do.
fn without(mode: Mode, lanes: &Lanes, live: &LiveModel) -> Option<String> {
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
        (lanes::LIVE_TOOLS, LiveModel::Available(model)) => format!(
            "the tests of tools in the live lane, since {} takes none; --model-name names another",
            model.name
        ),
        (_, LiveModel::Unavailable(why)) if mode != Mode::Replay => {
            format!("the live lane has no model: {why}")
        }
        (_, _) => "the live lane, since --model replay asks no model".into(),
    };
    let whys: Vec<String> = lanes.left_out().iter().map(why).collect();
    Some(whys.join("\n"))
}

fn on(up: &Up) -> Vec<String> {
    let services = match up.file.runtime {
        Runtime::External => "somebody else's processes",
        Runtime::Docker => "containers",
        Runtime::Native => "host processes",
    };
    let mut lines = vec![
        format!("on {services}"),
        format!("Temporal {} ({})", up.temporal.version, up.temporal.source),
    ];
    if let Some(at) = &up.file.model {
        let why = up.live.model().map(|model| format!(": {}", model.why));
        let why = why.unwrap_or_default();
        lines.push(format!("model {} ({}{why})", at.name, at.kind));
    }
    lines
}
