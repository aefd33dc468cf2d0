//! One call of `cargo xtask e2e`, as its phases see it.

use super::args::Args;
use super::narrowed::Narrowed;
use super::outcome::fail;
use harness_base::{Code, Phase, Phases, RunContext, code_of};
use harness_provision::{Program, programs};
use harness_selection::nextest::TestRunner;
use harness_selection::report::PhaseReport;
use harness_stack::Runtime;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// One call of `cargo xtask e2e`.
#[derive(Debug)]
pub struct TestRun<'a> {
    /// What it shares with the stacks that it starts.
    pub context: Arc<RunContext>,
    /// What the user asked for.
    pub args: &'a Args,
    /// What it runs.
    pub phases: Phases,
    /// Where phase 2 runs.
    pub runtime: Runtime,
    /// Whether what this machine lacks fails the run.
    pub fails_if_missing: bool,
    /// Which tests, beyond the user's filter.
    pub narrowed: Narrowed,
    test_runner: OnceCell<TestRunner>,
}

impl<'a> TestRun<'a> {
    /// One that has not begun.
    pub fn new(
        context: Arc<RunContext>,
        args: &'a Args,
        narrowed: Narrowed,
        phases: Phases,
        runtime: Runtime,
    ) -> Self {
        Self {
            context,
            args,
            phases,
            runtime,
            fails_if_missing: args.fails_if_missing(std::env::var("CI").ok().as_deref()),
            narrowed,
            test_runner: OnceCell::new(),
        }
    }

    /// What runs the tests, found or fetched once.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn test_runner(&self) -> anyhow::Result<TestRunner> {
        let find = async {
            Ok(match &self.args.exec {
                Some(script) => TestRunner::Exec(script.clone()),
                None => TestRunner::Nextest(
                    programs::obtain(&self.context.config, Program::Nextest)
                        .await?
                        .bin,
                ),
            })
        };
        self.test_runner.get_or_try_init(|| find).await.cloned()
    }

    /// Makes sure that there is something to run a phase's tests with.
    ///
    /// # Errors
    /// The report of a phase that is skipped, or fails, without.
    pub async fn has_test_runner(&self, phase: Phase) -> Result<(), PhaseReport> {
        let Err(error) = self.test_runner().await else {
            return Ok(());
        };
        let mut report = PhaseReport::new(phase);
        if code_of(&error) == Code::Missing {
            report.skip(error, !self.fails_if_missing);
        } else {
            fail(&mut report, error);
        }
        Err(report)
    }
}
