//! The order of a run: what overlaps with what.

use super::outcome::Outcome;
use super::test_run::TestRun;
use super::{phase1, phase2};
use harness_provision::build::{self, Targets};
use harness_stack::Runtime;
use std::time::Instant;

/// Builds and runs the phases, side by side where it can be. Whatever happens is in the outcome.
pub async fn run(run: &TestRun<'_>) -> Outcome {
    let (context, args) = (&run.context, run.args);
    let local = run.runtime != Runtime::External;
    let targets = Targets::new(&context.config, run.phases, args.exec.is_none(), local);
    let building = async {
        let began = Instant::now();
        let result = build::run(&context.run, &targets, &context.interrupt, args.verbose).await;
        context.step("build", began.elapsed());
        let (artifacts, error) = match result {
            Ok(artifacts) => (Some(artifacts), None),
            Err(error) => (None, Some(error)),
        };
        context.built(artifacts);
        error
    };
    let finding = async {
        tokio::select! {
            // Whoever needs it hears what is wrong.
            found = run.test_runner() => drop(found),
            () = context.interrupt.reached(1) => {}
        }
    };
    let running = async {
        let (one, two) = tokio::join!(phase1::run(run), phase2::bring_up(run));
        let mut outcome = Outcome::default();
        outcome.add(one);
        outcome.add(phase2::run(run, two).await);
        outcome
    };
    let (build, (), mut outcome) = tokio::join!(building, finding, running);
    outcome.build = build;
    outcome
}
