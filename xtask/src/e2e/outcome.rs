//! What a run leaves to its end.

use harness_base::mended;
use harness_selection::report::PhaseReport;
use harness_stack::Stack;
use std::sync::Arc;

/// How everything went so far.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Why the build did not work.
    pub build: Option<anyhow::Error>,
    /// One for each phase that was asked for.
    pub reports: Vec<PhaseReport>,
    /// Stacks that were started.
    pub stacks: Vec<Arc<Stack>>,
    /// What the check at the end found.
    pub end: Vec<anyhow::Error>,
}

/// How a phase went, and what it started.
pub type PhaseOutcome = (Option<PhaseReport>, Option<Arc<Stack>>);

impl Outcome {
    /// Takes a phase in.
    pub fn add(&mut self, (report, stack): PhaseOutcome) {
        self.reports.extend(report);
        self.stacks.extend(stack);
    }

    /// Why the run cannot pass, in the order that decides its exit code. Each is told once: those of phases in their
    /// reports, the others by [`Outcome::apart`].
    pub fn causes(&self) -> impl Iterator<Item = &anyhow::Error> {
        let reports = self.reports.iter().filter_map(PhaseReport::cause);
        self.build.iter().chain(reports).chain(&self.end)
    }

    /// The causes that stand in no report.
    pub fn apart(&self) -> impl Iterator<Item = &anyhow::Error> {
        self.build.iter().chain(&self.end)
    }
}

/// Records why a phase cannot pass.
pub fn fail(report: &mut PhaseReport, error: anyhow::Error) {
    report.trouble = Some(mended(error));
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_base::{Code, Phase, code_of, coded};

    #[test]
    fn a_skipped_phase_hides_no_cause_of_the_other() {
        let mut skipped = PhaseReport::new(Phase::Two);
        skipped.skip(coded(Code::Missing, "no pip"), true);
        let mut outcome = Outcome::default();
        outcome.add((Some(PhaseReport::new(Phase::One)), None));
        outcome.add((Some(skipped), None));
        assert_eq!(outcome.causes().count(), 0);
        outcome.end.push(coded(Code::Leftovers, "still there"));
        assert_eq!(
            outcome.causes().map(code_of).collect::<Vec<_>>(),
            [Code::Leftovers]
        );
        let apart: Vec<String> = outcome.apart().map(ToString::to_string).collect();
        assert_eq!(apart, ["still there"]);
    }

    #[test]
    fn the_build_comes_first_and_what_must_not_be_skipped_counts() {
        let mut missing = PhaseReport::new(Phase::Two);
        missing.skip(coded(Code::Missing, "no pip"), false);
        let mut outcome = Outcome::default();
        outcome.add((Some(missing), None));
        outcome.build = Some(coded(Code::Fault, "does not compile"));
        let codes: Vec<Code> = outcome.causes().map(code_of).collect();
        assert_eq!(codes, [Code::Fault, Code::Missing]);
        assert_eq!(outcome.apart().count(), 1);
    }
}
