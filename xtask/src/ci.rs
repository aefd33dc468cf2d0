//! `test` and `ci`: what a merge needs, stage after stage, since two cargos at once only wait for each other.

use crate::config::Config;
use crate::e2e::build::{self, cargo};
use crate::e2e::{self, provision, seconds};
use crate::exit::{Code, coded};
use crate::process::{Command, Output, spawn};
use crate::signals::Interrupt;
use std::path::Path;
use std::time::Instant;
use xshell::{Shell, cmd};

/// One stage of `ci`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stage {
    name: &'static str,
    args: Vec<&'static str>,
    code: Code,
}

fn lint_stages() -> Vec<Stage> {
    let stage = |name, args: &[&'static str]| Stage {
        name,
        args: args.to_vec(),
        code: Code::Fault,
    };
    vec![
        stage("format", &["fmt", "--all", "--check"]),
        stage(
            "lint",
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ],
        ),
    ]
}

/// The same selections as the builds, so that nothing is compiled twice with other features.
fn test_stages(nextest: bool) -> Vec<Stage> {
    let stage = |name, args: &[&'static str]| Stage {
        name,
        args: args.to_vec(),
        code: Code::TestsFailed,
    };
    if nextest {
        vec![
            stage(
                "unit tests",
                &[
                    "nextest",
                    "run",
                    "--workspace",
                    "--exclude",
                    "xtask",
                    "--no-tests",
                    "pass",
                ],
            ),
            stage("xtask's tests", &["nextest", "run", "-p", "xtask"]),
        ]
    } else {
        vec![
            stage("unit tests", &["test", "--workspace", "--exclude", "xtask"]),
            stage("xtask's tests", &["test", "-p", "xtask"]),
        ]
    }
}

/// Runs a stage to its end, or ends it at the first signal.
async fn run_stage(
    root: &Path,
    stage: &Stage,
    nextest: Option<&Path>,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let mut command = Command::new(cargo())
        .args(stage.args.iter().copied())
        .cwd(root);
    if let Some(folder) = nextest.and_then(Path::parent) {
        // `cargo nextest` looks for its program on PATH, and ours may be in the tools cache.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(
            std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path)),
        )?;
        command = command.env("PATH", path.to_string_lossy());
    }
    eprintln!("\n$ cargo {}", stage.args.join(" "));
    let process = spawn(&command, &Output::Inherit, None)?;
    let exit = tokio::select! {
        exit = process.wait() => exit,
        () = interrupt.reached(1) => {
            build::stop(&process).await;
            return Err(coded(Code::Interrupted, format!("{}: interrupted", stage.name)));
        }
    };
    if exit.code == Some(0) {
        Ok(())
    } else {
        Err(coded(stage.code, format!("{} failed ({exit})", stage.name)))
    }
}

/// What is tested, for the log of a CI that somebody reads a month later. Outside git there is nothing to say.
fn subject(root: &Path) -> Option<String> {
    let shell = Shell::new().ok()?;
    shell.change_dir(root);
    let commit = cmd!(shell, "git rev-parse --short HEAD")
        .quiet()
        .ignore_stderr()
        .read()
        .ok()?;
    let changes = cmd!(shell, "git status --porcelain")
        .quiet()
        .ignore_stderr()
        .read()
        .ok()?;
    Some(if changes.is_empty() {
        format!("commit {commit}")
    } else {
        format!("commit {commit} with changes on top")
    })
}

/// The unit tests of the workspace.
///
/// # Errors
/// [`Code::TestsFailed`].
pub async fn test(root: &Path, config: &Config) -> anyhow::Result<Code> {
    let (interrupt, nextest) = (Interrupt::install()?, provision::nextest(config).await.ok());
    for stage in test_stages(nextest.is_some()) {
        run_stage(root, &stage, nextest.as_deref(), &interrupt).await?;
    }
    Ok(Code::Passed)
}

/// Format, lint, unit tests, both phases; every stage's time. The first failing stage ends it.
///
/// # Errors
/// The stage that failed.
pub async fn ci(root: &Path, config: Config) -> anyhow::Result<Code> {
    let (interrupt, nextest) = (
        Interrupt::install()?,
        provision::nextest(&config).await.ok(),
    );
    if let Some(subject) = subject(root) {
        eprintln!("{subject}");
    }
    let mut times = Vec::new();
    for stage in lint_stages()
        .into_iter()
        .chain(test_stages(nextest.is_some()))
    {
        let began = Instant::now();
        let result = run_stage(root, &stage, nextest.as_deref(), &interrupt).await;
        times.push((stage.name, began.elapsed(), result.is_ok()));
        if let Err(error) = result {
            eprint!("{}", table(&times));
            return Err(error);
        }
    }
    let began = Instant::now();
    let code = e2e::run(root, config, e2e::Args::for_ci()).await?;
    times.push(("end to end", began.elapsed(), code == Code::Passed));
    eprint!("{}", table(&times));
    Ok(code)
}

fn table(times: &[(&str, std::time::Duration, bool)]) -> String {
    let row = |(name, time, passed): &(&str, std::time::Duration, bool)| {
        format!(
            "{name:<14} {:<7} {:>8}\n",
            if *passed { "passed" } else { "FAILED" },
            seconds(*time)
        )
    };
    format!("\n{}", times.iter().map(row).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn stages() {
        let lines = |stages: Vec<Stage>| {
            stages
                .iter()
                .map(|stage| stage.args.join(" "))
                .collect::<Vec<_>>()
                .join("\n")
        };
        insta::assert_snapshot!(lines(
            lint_stages().into_iter().chain(test_stages(true)).collect()
        ));
        insta::assert_snapshot!(lines(test_stages(false)));
        insta::assert_snapshot!(table(&[
            ("format", Duration::from_millis(700), true),
            ("lint", Duration::from_secs(80), false)
        ]));
    }
}
