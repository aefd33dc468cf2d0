//! `cargo xtask mutants`: how many small faults the tests notice, by `harness-mutants`, which is built when it is wanted.

use crate::page;
use harness_base::{Code, Config, Interrupt, this_program};
use harness_provision::tools::cache_dir;
use harness_provision::{Program, programs};
use std::path::Path;

/// Its flags are the program's own: `cargo xtask mutants --help` says which.
#[derive(Clone, Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    /// For the program; --help tells them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Lets it work, and hands signals on: a mutant on its way is taken out, the next call goes on.
///
/// # Errors
/// When nextest cannot be had, or the program cannot be started.
pub async fn run(root: &Path, config: &Config, args: Args) -> anyhow::Result<Code> {
    let interrupt = Interrupt::install()?;
    let nextest = programs::obtain(config, Program::Nextest).await?.bin;
    let place = |path: &Path| path.to_string_lossy().into_owned();
    let (root, xtask, tools) = (place(root), place(&this_program()?), place(&cache_dir()?));
    let told = ["--root", &root, "--xtask", &xtask, "--tools", &tools];
    let command = page::command(Path::new(&root), "harness-mutants", &told);
    let path = programs::path_with(&nextest)?;
    let command = command.args(args.words).env("PATH", path);
    page::run(&command, &interrupt).await
}
