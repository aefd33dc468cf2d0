//! `cargo xtask e2e`: everything from nothing to a verdict, side by side where it can be.

mod args;
mod deaths;
mod failures;
mod known;
mod narrowed;
mod order;
mod outcome;
mod phase1;
mod phase2;
mod run_tests;
mod stress;
mod test_run;
mod verdict;

pub use args::{Args, Reuse};
use narrowed::Narrowed;

use crate::phase_choice::PhaseChoice;
use harness_base::run::sweep;
use harness_base::{Code, Config, Interrupt, Phases, RunContext, coded, runs_dir};
use harness_provision::check_theirs;
use harness_stack::kept::KeptStack;
use harness_stack::{Runtime, external};
use std::path::Path;
use std::time::Instant;
use test_run::TestRun;

/// Runs `cargo xtask e2e`.
///
/// # Errors
/// What ended the run before there was anything to report; everything else is in the code.
pub async fn run(root: &Path, config: Config, args: Args) -> anyhow::Result<Code> {
    once(root, config, args, Interrupt::install()?).await
}

/// One round, which ends early where `interrupt` says so.
///
/// # Errors
/// As [`run`].
pub async fn once(
    root: &Path,
    mut config: Config,
    args: Args,
    interrupt: Interrupt,
) -> anyhow::Result<Code> {
    let began = Instant::now();
    config.offline = args.offline;
    // A stack that is there was started with parts of its own; instances of tests' own are of the same.
    let parts = match &args.parts {
        None if args.reuse.is_some() => {
            let mut runs = sweep::runs(&runs_dir(root)).into_iter().rev();
            runs.find_map(|(_, info)| info.kept.then_some(info.parts)?)
        }
        file => file.clone(),
    };
    config.parts.settle(parts.as_deref())?;
    if args.reuse.is_some() && args.phase == PhaseChoice::Phase1 {
        return Err(coded(
            Code::Usage,
            "--reuse is for phase 2: phase 1 always has a server of its own",
        ));
    }
    if matches!(args.reuse, Some(Reuse::Fresh | Reuse::AsIs)) {
        KeptStack::dir(root)?; // nobody waits for a build to hear that there is none
    }
    if args.reuse == Some(Reuse::External) {
        external::check()?;
    }
    let narrowed = Narrowed::of(root, &args).await?;
    let phases = narrowed.phases(Phases::from(args.phase));
    if phases.two && args.reuse.is_none() {
        args.model.check()?;
    }
    if !(phases.one || phases.two) {
        eprintln!("nothing to run");
        return Ok(Code::Passed);
    }
    if args.reuse != Some(Reuse::External) {
        check_theirs(&config, phases)?;
    }
    // Phase 1 is one server, on the host in each runtime; a stack that is reused is there, wherever it runs.
    let runtime = match args.reuse {
        Some(Reuse::External) => Runtime::External,
        None if phases.two => args.runtime.choose(root, &config, &interrupt).await?,
        _ => Runtime::Native,
    };
    let context = RunContext::begin(root, config, interrupt, began).await?;
    narrowed.begin(&context.run.dir, &args, phases)?;
    let run = TestRun::new(context.clone(), &args, narrowed, phases, runtime);
    let outcome = order::run(&run).await;
    verdict::give(&context, outcome, &args).await
}
