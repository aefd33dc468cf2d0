//! Programs of the harness, which are built when they are first wanted; `harness-report` turns a run's folder into text and a
//! page.

use harness_base::cargo::cargo;
use harness_base::{Code, Command, Interrupt, Output, exit, query, spawn};
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The report's.
const REPORT: &str = "harness-report";
/// A first build takes 15 s on two cores that are not compiling for others too.
const LIMIT: Duration = Duration::from_secs(180);

/// A program of the harness with its arguments.
pub fn command(root: &Path, program: &str, args: &[&str]) -> Command {
    let run = ["run", "--quiet", "--package", program, "--"];
    let args = run.iter().chain(args).copied();
    Command::new(cargo()).args(args).cwd(root)
}

/// Writes a run's page; nothing where it cannot be written, which is said and changes no verdict.
pub async fn write(root: &Path, dir: &Path) -> Option<PathBuf> {
    if !root.join("harness/report/Cargo.toml").exists() {
        return None; // somebody else's checkout
    }
    let command = command(root, REPORT, &["page", &dir.to_string_lossy()]);
    match query(command, LIMIT).await {
        Ok(said) if said.ok => Some(dir.join("report.html")),
        Ok(said) => complain(&said.stderr),
        Err(why) => complain(&why),
    }
}

fn complain(why: &str) -> Option<PathBuf> {
    eprintln!("no page of this run: {why}");
    None
}

/// Lets it print; its exit code.
///
/// # Errors
/// When it cannot be started.
pub async fn print(root: &Path, args: &[&str]) -> anyhow::Result<Option<i32>> {
    let process = spawn(&command(root, REPORT, args), &Output::Inherit, None)?;
    Ok(process.wait().await.code)
}

/// Runs a program of ours to its end, and hands signals on: it ends as it does by itself.
///
/// # Errors
/// When it cannot be started.
pub async fn run(command: &Command, interrupt: &Interrupt) -> anyhow::Result<Code> {
    let process = spawn(command, &Output::Inherit, None)?;
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
