//! `cargo xtask bench`: figures of speed, by `harness-bench`, a program of its own that is built when this is used first.

use crate::page;
use harness_base::{Code, Interrupt};
use std::path::Path;

/// Its flags are the program's own: `cargo xtask bench --help` says which.
#[derive(Clone, Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    /// For the program; --help tells them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Measures and prints, and hands signals on: what is measured ends as it does by itself.
///
/// # Errors
/// When the program cannot be started.
pub async fn run(root: &Path, args: Args) -> anyhow::Result<Code> {
    let interrupt = Interrupt::install()?;
    let command = page::command(root, "harness-bench", &[]).args(args.words);
    page::run(&command, &interrupt).await
}
