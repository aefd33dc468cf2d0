//! The flags of `cargo xtask e2e`.

use crate::model_choice::ModelArgs;
use crate::phase_choice::PhaseChoice;
use crate::runtime::RuntimeChoice;

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
    /// Write the page of this run, report.html in its folder; a run that fails has one always
    #[arg(long)]
    pub report: bool,
    /// Print the commands, and each test as it ends
    #[arg(short, long)]
    pub verbose: bool,
    /// Print where the time went
    #[arg(long)]
    pub timings: bool,
    /// Run this shell command against the stack in place of the tests; E2E_STACK tells it where the stack is
    #[arg(long, value_name = "COMMAND")]
    pub exec: Option<String>,
}

impl Args {
    /// Whether what this machine lacks fails the run.
    pub fn fails_if_missing(&self, ci: Option<&str>) -> bool {
        match self.if_missing {
            Some(what) => what == IfMissing::Fail,
            None => matches!(ci, Some("true" | "1")),
        }
    }
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
