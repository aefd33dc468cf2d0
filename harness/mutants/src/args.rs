//! The command line, as `cargo xtask mutants` hands it on.

use crate::choose::Choice;
use clap::Parser;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
All are put into a copy of this checkout, in target/mutants, each behind a switch, and built at once; one that does not compile
so is built by itself. The crate's unit tests are asked first, then those of the crates above it, then phase 1, then phase 2, of
these only those that run the changed code at all; the first test that fails ends it. What came of each is a line of
target/mutants/results.jsonl. Mutants that are there are not tested again, so after Ctrl-C the same command goes on.
`.cargo/mutants.toml` says what is not worth a mutant, and why.

--json prints {\"schema\":1,\"left\",\"caught_percent\",\"counts\":{..},\"mutants\":[{\"id\",\"package\",\"file\",\"line\",\"name\",\"verdict\",
\"by\",\"reached\",\"seconds\",\"diff\"}]}: verdict is caught_by_unit, caught_by_e2e, missed, unviable (it does not compile) or
timeout; reached is false where no test runs it.

Exit codes: 0 none missed, 10 some missed, 1 our own fault, 2 usage, 20 prerequisite missing, 130 interrupted.";

/// How many small faults the tests notice
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask mutants", bin_name = "cargo xtask mutants", override_usage = "cargo xtask mutants [OPTIONS]", after_help = AFTER_HELP)]
pub struct Args {
    /// So many, picked by the seed, in place of all
    #[arg(long, value_name = "N")]
    pub sample: Option<usize>,
    /// Which sample; a larger one of the same seed holds the smaller
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Only in lines that changed since this git revision
    #[arg(long, value_name = "REV")]
    pub in_diff: Option<String>,
    /// Only of this crate; may be given again [default: server, runner, agent-tools, CLI, gateway and what they share]
    #[arg(long = "crate", value_name = "NAME")]
    pub crates: Vec<String>,
    /// Those of this file in place of cargo-mutants' own: faults that somebody thought of, as a list of the same form
    #[arg(long, value_name = "FILE", conflicts_with = "in_diff")]
    pub list: Option<PathBuf>,
    /// Test those again that were missed or took too long
    #[arg(long)]
    pub again: bool,
    /// Only what is known already: build and test nothing
    #[arg(long)]
    pub known: bool,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
    /// The checkout.
    #[arg(long, hide = true)]
    pub root: PathBuf,
    /// `xtask`.
    #[arg(long, hide = true)]
    pub xtask: PathBuf,
    /// The tools cache.
    #[arg(long, hide = true)]
    pub tools: PathBuf,
}

/// What is measured where no crate is named: the platform's parts and what they share, not what only tests use.
const PLATFORM: [&str; 10] = [
    "agent-runner",
    "agent-tools",
    "model-gateway",
    "otlp",
    "service-kit",
    "skill-archive",
    "stigmer-api",
    "stigmer-cli",
    "stigmer-server",
    "temporal-link",
];

impl Args {
    /// Which mutants.
    pub fn choice(&self) -> Choice {
        let crates = match self.crates.is_empty() {
            true => PLATFORM.map(str::to_owned).to_vec(),
            false => self.crates.clone(),
        };
        Choice {
            crates,
            sample: self.sample,
            seed: self.seed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn help() {
        insta::assert_snapshot!(Args::command().render_long_help());
    }

    #[test]
    fn crates() {
        let told = ["mutants", "--root", "/r", "--xtask", "/x", "--tools", "/t"];
        let of = |more: &[&str]| Args::parse_from([&told[..], more].concat()).choice();
        assert_eq!(of(&[]).crates, PLATFORM);
        assert_eq!(of(&["--crate", "a", "--crate", "b"]).crates, ["a", "b"]);
        assert_eq!(
            (of(&["--sample", "9"]).sample, of(&["--seed", "9"]).seed),
            (Some(9), 9)
        );
    }
}
