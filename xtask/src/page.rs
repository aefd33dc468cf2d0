//! `harness-report`, the program that turns a run's folder into text and a page. It is built when it is first wanted.

use harness_base::cargo::cargo;
use harness_base::{Command, Output, query, spawn};
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
