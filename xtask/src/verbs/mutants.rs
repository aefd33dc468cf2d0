//! `cargo xtask mutants`: how many small faults the tests notice, by `harness-mutants`, which is built when it is wanted.

use harness_base::cargo::cargo;
use harness_base::{Code, Command, Config, Interrupt, Output, exit, spawn, this_program};
use harness_provision::tools::cache_dir;
use harness_provision::{Program, programs};
use nix::sys::signal::Signal;
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
    let words = [
        "run",
        "--quiet",
        "--package",
        "harness-mutants",
        "--",
        "--root",
    ]
    .map(str::to_owned);
    let told = [
        place(root),
        "--xtask".into(),
        place(&this_program()?),
        "--tools".into(),
        place(&cache_dir()?),
    ];
    let command = Command::new(cargo())
        .args(words)
        .args(told)
        .args(args.words)
        .cwd(root);
    let command = command.env("PATH", programs::path_with(&nextest)?);
    let process = spawn(&command, &Output::Inherit, None)?;
    let mut sent = 0;
    let ended = loop {
        tokio::select! {
            ended = process.wait() => break ended,
            () = interrupt.reached(sent + 1) => {
                sent += 1;
                process.signal(Signal::SIGINT);
            }
        }
    };
    Ok(ended.code.and_then(exit::code_from).unwrap_or(Code::Fault))
}
