//! `cargo xtask e2e`: everything from nothing to a verdict, side by side where it can be.

pub mod build;
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

use crate::model_choice::ModelArgs;
use crate::phase_choice::PhaseChoice;
use crate::runtime::RuntimeChoice;
use harness_base::config::Config;
use harness_base::context::RunContext;
use harness_base::exit::{Code, coded};
use harness_base::phases::Phases;
use harness_base::signals::Interrupt;
use harness_stack::file::Runtime;
use std::path::Path;
use std::time::Instant;
use test_run::TestRun;

/// What a missing prerequisite means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum IfMissing {
    /// The phase is skipped, loudly, with exit code 0
    Skip,
    /// Exit code 20
    Fail,
}

/// Flags of `cargo xtask e2e`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Which phase
    #[arg(value_enum, default_value = "all")]
    pub phase: PhaseChoice,
    /// Only tests whose name contains this, or a nextest expression such as 'test(/^apply/)'
    pub filter: Option<String>,
    /// Where the services run
    #[arg(long, value_enum, default_value = "auto")]
    pub runtime: RuntimeChoice,
    #[command(flatten)]
    pub model: ModelArgs,
    /// Fetch nothing: no tool, no crate, no image
    #[arg(long)]
    pub offline: bool,
    /// Leave the stack running and say how to look at it and how to end it
    #[arg(long)]
    pub keep: bool,
    /// Run phase 2 against the stack that `cargo xtask up` started
    #[arg(long)]
    pub reuse: bool,
    /// What a missing prerequisite means [default: skip, with CI=true: fail]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub if_missing: Option<IfMissing>,
    /// Print where the time went
    #[arg(long)]
    pub timings: bool,
    /// Run this shell command against the stack in place of the tests; E2E_STACK tells it where the stack is
    #[arg(long, value_name = "COMMAND")]
    pub exec: Option<String>,
}

impl Args {
    fn fails_if_missing(&self, ci: Option<&str>) -> bool {
        match self.if_missing {
            Some(what) => what == IfMissing::Fail,
            None => matches!(ci, Some("true" | "1")),
        }
    }
}

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
        tokio::select! {
            runtime = args.runtime.choose(root, &config) => runtime,
            () = interrupt.reached(1) => return Err(coded(Code::Interrupted, "interrupted")),
        }
    };
    let context = RunContext::begin(root, config, interrupt, began).await?;
    let run = TestRun::new(context.clone(), &args, phases, runtime);
    let outcome = order::run(&run).await;
    verdict::give(&context, outcome, &args).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_means_failure_in_ci() {
        let mut args = <Args as clap::FromArgMatches>::from_arg_matches(
            &<Args as clap::Args>::augment_args(clap::Command::new("e2e"))
                .get_matches_from(["e2e"]),
        )
        .unwrap();
        assert!(!args.fails_if_missing(None));
        assert!(!args.fails_if_missing(Some("false")));
        assert!(args.fails_if_missing(Some("true")));
        args.if_missing = Some(IfMissing::Skip);
        assert!(!args.fails_if_missing(Some("true")));
    }
}
