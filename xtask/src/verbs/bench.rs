//! `cargo xtask bench`: figures of speed, by `harness-bench`, a program of its own that is built when this is used first.

use crate::page;
use harness_base::{Code, Interrupt};
use std::path::Path;

/// Flags of `cargo xtask bench`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// This figure alone, or these; a name that there is not lists all [default: all]
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Measure another commit by turns with this checkout, built in a worktree of its own below target/
    #[arg(long, value_name = "REV")]
    against: Option<String>,
    /// How often each figure is measured [default: 3]
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

impl Args {
    /// As the program reads them.
    fn words(&self) -> Vec<String> {
        let rounds = self.rounds.map(|rounds| rounds.to_string());
        let only = self.only.iter().flat_map(|name| ["--only", name]);
        let others = [("--against", &self.against), ("--rounds", &rounds)];
        let others = others
            .into_iter()
            .filter_map(|(flag, value)| Some([flag, value.as_deref()?]))
            .flatten();
        let json = self.json.then_some("--json");
        only.chain(others).chain(json).map(str::to_owned).collect()
    }
}

/// Measures and prints, and hands signals on: what is measured ends as it does by itself.
///
/// # Errors
/// When the program cannot be started.
pub async fn run(root: &Path, args: &Args) -> anyhow::Result<Code> {
    let interrupt = Interrupt::install()?;
    let words = args.words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let command = page::command(root, "harness-bench", &words);
    page::run(&command, &interrupt).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_told_what_was_asked_for() {
        let args = Args {
            only: vec!["one".into(), "ready".into()],
            against: Some("main".into()),
            rounds: Some(5),
            json: true,
        };
        assert_eq!(
            args.words().join(" "),
            "--only one --only ready --against main --rounds 5 --json"
        );
        let none = Args {
            only: Vec::new(),
            against: None,
            rounds: None,
            json: false,
        };
        assert_eq!(none.words(), Vec::<String>::new());
    }
}
