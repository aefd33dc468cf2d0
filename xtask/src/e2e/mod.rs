//! `cargo xtask e2e`: everything from nothing to a verdict, side by side where it can be.

mod args;
pub mod build;
mod failures;
mod lanes;
mod nextest;
mod nextest_metadata;
mod order;
mod outcome;
mod phase1;
mod phase2;
mod report;
mod run_tests;
mod test_run;
mod verdict;

pub use args::Args;

use crate::phase_choice::PhaseChoice;
use crate::runtime::RuntimeChoice;
use harness_base::{Code, Config, Interrupt, Phases, RunContext, coded};
use harness_stack::Runtime;
use std::path::Path;
use std::time::Instant;
use test_run::TestRun;

/// Runs `cargo xtask e2e`.
///
/// # Errors
/// What ended the run before there was anything to report; everything else is in the code.
pub async fn run(root: &Path, mut config: Config, args: Args) -> anyhow::Result<Code> {
    let (began, interrupt) = (Instant::now(), Interrupt::install()?);
    config.offline = args.offline;
    if args.reuse && args.phase == PhaseChoice::Phase1 {
        return Err(coded(
            Code::Usage,
            "--reuse is for phase 2: phase 1 always has a server of its own",
        ));
    }
    if args.reuse && args.runtime == RuntimeChoice::External {
        return Err(coded(
            Code::Usage,
            "--reuse and --runtime external both name a stack: choose one",
        ));
    }
    let phases = Phases::from(args.phase);
    // Phase 1 is one server, on the host in each runtime; a stack that is reused is there, wherever it runs.
    let runtime = if args.reuse || !phases.two && args.runtime != RuntimeChoice::External {
        Runtime::Native
    } else {
        args.runtime.choose(root, &config, &interrupt).await?
    };
    let context = RunContext::begin(root, config, interrupt, began).await?;
    let run = TestRun::new(context.clone(), &args, phases, runtime);
    let outcome = order::run(&run).await;
    verdict::give(&context, outcome, &args).await
}
