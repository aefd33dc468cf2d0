//! What a run's folder tells: `harness-report page DIR` writes `DIR/report.html`, `harness-report explain DIR [--json] [TEST]`
//! prints the same for terminals and programs. It reads files and starts nothing; `cargo xtask report` and `explain` call it.

#![expect(
    unreachable_pub,
    reason = "a binary has no outside: `pub` marks what a module offers the others"
)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

mod conversation;
mod difference;
mod explain;
mod history;
mod junit;
mod page;
mod run;
mod script;
mod test;
mod text;

use anyhow::{Context, bail};
use run::Run;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn go(args: &[String]) -> anyhow::Result<()> {
    let flag = |name: &str| args.iter().any(|arg| arg == name);
    let mut words = args.iter().filter(|arg| !arg.starts_with("--"));
    let verb = words.next().context("page or explain?")?;
    let dir = PathBuf::from(words.next().context("which run's folder?")?);
    let run = Run::read(&dir)?;
    match verb.as_str() {
        "page" => {
            let path = dir.join("report.html");
            let page = page::render(&run)?;
            std::fs::write(&path, page).with_context(|| format!("write {}", path.display()))
        }
        "explain" => {
            let text = explain(&run, words.next().map(String::as_str), flag("--json"), &dir)?;
            match std::io::stdout().write_all(text.as_bytes()) {
                // Whoever stops reading (`| head`) wants no more words.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
                written => written.context("write to standard output"),
            }
        }
        other => bail!("{other}: page or explain"),
    }
}

fn explain(run: &Run, test: Option<&str>, json: bool, dir: &Path) -> anyhow::Result<String> {
    let chosen = run.chosen(test)?;
    if json {
        return Ok(explain::json(run, &chosen)? + "\n");
    }
    Ok(explain::text(run, &chosen, test.is_some(), dir))
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match go(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    /// The files from the ground up: each imports earlier ones only.
    const ROOMS: &[&str] = &[
        "text.rs",
        "difference.rs",
        "history.rs",
        "conversation.rs",
        "junit.rs",
        "script.rs",
        "test.rs",
        "run.rs",
        "explain.rs",
        "page.rs",
        "main.rs",
    ];

    #[test]
    fn no_file_imports_one_above_it() -> Result<(), rooms::Faults> {
        rooms::check(env!("CARGO_MANIFEST_DIR"), ROOMS, &[])
    }
}
