//! The command line, as `cargo xtask bench` hands it on.

use crate::figures::{self, Figure};
use clap::Parser;
use harness_base::{Code, coded};

const AFTER_HELP: &str = "\
Each figure stands beside its limit, and both are measured by turns. docs/speed.md says what each measures, and what --json prints.

Exit codes: 0 all measured, 1 something could not be, 2 usage, 130 interrupted.";

/// Measure speed: each figure beside its limit, by turns
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench", override_usage = "cargo xtask bench [OPTIONS]", after_help = AFTER_HELP)]
pub struct Args {
    /// This figure alone, or these; a name that there is not lists all [default: all]
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Measure another commit by turns with this checkout, built in a worktree of its own below target/
    #[arg(long, value_name = "REV")]
    pub against: Option<String>,
    /// How often each figure is measured: enough to see one that is far off
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u16).range(1..))]
    pub rounds: u16,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

impl Args {
    /// Which figures.
    ///
    /// # Errors
    /// [`Code::Usage`] for a name that there is not.
    pub fn figures(&self) -> anyhow::Result<Vec<Figure>> {
        figures::chosen(&self.only).map_err(|text| coded(Code::Usage, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use harness_base::code_of;

    fn read(words: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(["bench"].into_iter().chain(words.split_whitespace()))
    }

    #[test]
    fn help() {
        insta::assert_snapshot!(Args::command().render_long_help());
    }

    #[test]
    fn words() {
        let args = read("--only one --against main --rounds 5 --json").unwrap();
        assert_eq!((args.figures().unwrap().len(), args.rounds), (1, 5));
        assert_eq!((args.against.as_deref(), args.json), (Some("main"), true));
        let all = read("").unwrap().figures().unwrap();
        assert_eq!(all.len(), figures::ALL.len());
        for wrong in ["--only", "--rounds 0", "--rounds x", "one"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let unknown = read("--only x").unwrap().figures().unwrap_err();
        assert_eq!(code_of(&unknown), Code::Usage);
    }
}
