//! `cargo xtask e2e`: everything from nothing to a verdict, side by side where it can be.

pub mod bring_up;
pub mod build;
pub mod finish;
mod flow;
mod junit;
mod lanes;
pub mod live;
pub mod nextest;
mod phase;
pub mod provision;
mod reuse;
mod second;
pub mod session;
mod summary;

use crate::config::Config;
use crate::exit::{Code, coded};
use crate::model::Wish;
pub use crate::phases::Phases;
use crate::stack::Runtime;
use crate::stack::choose;
use live::Mode;
use session::Session;
use std::path::Path;

/// Which phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Which {
    /// One server: no Temporal, no model
    Phase1,
    /// The whole chain
    Phase2,
    /// Both
    All,
}

impl From<Which> for Phases {
    fn from(which: Which) -> Self {
        Self {
            one: which != Which::Phase2,
            two: which != Which::Phase1,
        }
    }
}

/// What a missing prerequisite means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum IfMissing {
    /// The phase is skipped, loudly, with exit code 0
    Skip,
    /// Exit code 20
    Fail,
}

/// Flags about the model.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ModelArgs {
    /// What answers in the replayed and the live lane
    #[arg(long, value_enum, default_value = "auto")]
    pub model: Mode,
    /// OpenAI-compatible address of a model [env: E2E_MODEL_URL], its key in STIGMER_LLM_API_KEY or OPENAI_API_KEY
    #[arg(long, value_name = "URL")]
    pub model_url: Option<String>,
    /// The model's name [env: E2E_MODEL_NAME]
    #[arg(long, value_name = "NAME")]
    pub model_name: Option<String>,
}

impl ModelArgs {
    /// Which model is wanted.
    pub fn wish(&self) -> Wish {
        Wish::new(self.model_url.clone(), self.model_name.clone())
    }
}

/// Flags of `cargo xtask e2e`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Which phase
    #[arg(value_enum, default_value = "all")]
    pub phase: Which,
    /// Only tests whose name contains this, or a nextest expression such as 'test(/^apply/)'
    pub filter: Option<String>,
    /// Where the services run
    #[arg(long, value_enum, default_value = "auto")]
    pub runtime: Runtime,
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
    config.offline = args.offline;
    if args.reuse && args.phase == Which::Phase1 {
        return Err(coded(
            Code::Usage,
            "--reuse is for phase 2: phase 1 always has a server of its own",
        ));
    }
    if args.reuse && args.runtime == Runtime::External {
        return Err(coded(
            Code::Usage,
            "--reuse and --runtime external both name a stack: choose one",
        ));
    }
    let phases = Phases::from(args.phase);
    let runtime = match args.reuse {
        true => Runtime::Native, // the stack is there, wherever it runs
        false => choose::runtime(root, &config, args.runtime, phases).await,
    };
    let session = Session::begin(root, config, phases).await?;
    let reports = flow::drive(&session, &args, runtime).await;
    finish::finish(session, reports, &args).await
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
