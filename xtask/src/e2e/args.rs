//! The flags of `cargo xtask e2e`.

use crate::model_choice::ModelArgs;
use crate::phase_choice::PhaseChoice;
use crate::runtime::RuntimeChoice;
use harness_selection::stress::Stress;
use harness_stack::there::There;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a missing prerequisite means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum IfMissing {
    /// The phase is skipped, loudly, with exit code 0
    Skip,
    /// Exit code 20
    Fail,
}

/// Which stack that is there, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Reuse {
    /// The kept one; what changed since it was started is started again first, on what is stored (--reuse alone means this)
    Fresh,
    /// The kept one as it is; the summary says what of it is old
    AsIs,
    /// Somebody else's: E2E_SERVER_ADDR, E2E_TEMPORAL_ADDR
    External,
}

impl From<Reuse> for There {
    fn from(reuse: Reuse) -> Self {
        match reuse {
            Reuse::Fresh => Self::Fresh,
            Reuse::AsIs => Self::AsIs,
            Reuse::External => Self::External,
        }
    }
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
    /// Parts of somebody else's build and tests that are known to differ, as this file describes them (docs/parts.md)
    #[arg(long, value_name = "FILE")]
    pub parts: Option<PathBuf>,
    /// Fetch nothing: no tool, no crate, no image
    #[arg(long)]
    pub offline: bool,
    /// Leave the stack running and say how to look at it and how to end it
    #[arg(long)]
    pub keep: bool,
    /// Run phase 2 on a stack that is there: what `cargo xtask up` or --keep left, or somebody else's
    #[arg(long, value_enum, value_name = "WHICH", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "fresh")]
    pub reuse: Option<Reuse>,
    /// Only what failed or did not run in the last run, or in the run of this evidence folder
    #[arg(
        long,
        value_name = "FOLDER",
        require_equals = true,
        conflicts_with = "exec"
    )]
    pub failed: Option<Option<PathBuf>>,
    /// Only tests that are new or changed since this git revision
    #[arg(long, value_name = "REV", conflicts_with = "exec")]
    pub changed_since: Option<String>,
    /// Run the tests many times, in copies side by side on one stack, so often or for so long (90s, 3m); then a table says
    /// which failed, how often, and with what words
    #[arg(long, value_name = "N|TIME", conflicts_with = "exec")]
    pub stress: Option<Stress>,
    /// Test again after each edit, on a kept stack (it is brought up where none is, of host processes unless --runtime says else): what changed is built and started again,
    /// what failed is tested first
    #[arg(long, conflicts_with_all = ["exec", "stress", "keep"])]
    pub watch: bool,
    /// The Mth of N parts of the tests, for machines side by side
    #[arg(long, value_name = "M/N", value_parser = shard, conflicts_with = "exec")]
    pub shard: Option<String>,
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
    /// For nextest, as they are: `-- --no-capture`
    #[arg(last = true, value_name = "ARGS", conflicts_with = "exec")]
    pub nextest: Vec<String>,
    /// Names of tests that run first, by phase.
    #[arg(skip)]
    pub first: BTreeMap<String, Vec<String>>,
}

/// `M/N` with M from 1 to N.
fn shard(text: &str) -> Result<String, String> {
    let parts = text.split_once('/').and_then(|(part, all)| {
        let (part, all): (u32, u32) = (part.parse().ok()?, all.parse().ok()?);
        (part >= 1 && part <= all).then_some((part, all))
    });
    parts
        .map(|(part, all)| format!("slice:{part}/{all}"))
        .ok_or_else(|| format!("{text:?} is no part such as 1/4"))
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
    fn parts_of_the_tests() {
        assert_eq!(shard("2/4").as_deref(), Ok("slice:2/4"));
        for wrong in ["0/4", "5/4", "1", "a/b", "1/0", ""] {
            assert!(shard(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn missing_means_failure_in_ci() {
        let mut args = <Args as clap::FromArgMatches>::from_arg_matches(
            &<Args as clap::Args>::augment_args(clap::Command::new("e2e"))
                .get_matches_from(["e2e"]),
        )
        .unwrap();
        assert!(!args.fails_if_missing(None));
        assert!(!args.fails_if_missing(Some("false")));
        assert!(args.fails_if_missing(Some("true")) && args.fails_if_missing(Some("1")));
        args.if_missing = Some(IfMissing::Skip);
        assert!(!args.fails_if_missing(Some("true")));
    }
}
