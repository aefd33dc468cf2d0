//! `test` and `ci`: what a merge needs, stage after stage, since two cargos at once only wait for each other.

mod docker;
mod stage;

use harness_base::cargo::HARNESS;
use harness_base::run::clock::seconds;
use harness_base::{Code, Config, Interrupt};
use harness_provision::{Program, programs};
use stage::{Stage, StageProgram};
use std::path::Path;
use std::time::Instant;
use xshell::{Shell, cmd};

/// Flags of `cargo xtask ci`.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Args {
    /// What a machine without Docker means
    #[arg(long, value_enum, value_name = "WHAT", default_value = "auto")]
    docker: docker::DockerPolicy,
}

const LINT: [&str; 3] = ["clippy", "--workspace", "--locked"];
const DENY: [&str; 3] = ["--", "-D", "warnings"];

fn lint_stages() -> Vec<Stage> {
    let stage = |name, args: &[&'static str]| Stage::cargo(name, args, Code::Fault);
    vec![
        stage("format", &["fmt", "--all", "--check"]),
        stage("lint", &[&LINT[..], &["--all-targets"], &DENY].concat()),
        // Targets that no plain `cargo test` runs are none of `all`.
        stage(
            "lint of tests",
            &[&LINT[..], &["--test", "phase1", "--test", "phase2"], &DENY].concat(),
        ),
    ]
}

/// The same selections as the builds, so that nothing is compiled twice with other features.
fn test_stages() -> Vec<Stage> {
    let stage = |name, args: &[&'static str]| Stage::cargo(name, args, Code::TestsFailed);
    vec![
        stage("unit tests", &["nextest", "run", "--no-tests", "pass"]),
        stage(
            "harness's tests",
            &[&["nextest", "run"][..], &HARNESS].concat(),
        ),
        // Apart: nobody else shall be compiled with the features of what these stand on.
        stage(
            "programs' tests",
            &[
                "nextest",
                "run",
                "-p",
                "harness-watch",
                "-p",
                "harness-report",
                "-p",
                "harness-mutants",
                "-p",
                "harness-bench",
            ],
        ),
    ]
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
    let (interrupt, nextest) = (
        Interrupt::install()?,
        programs::obtain(config, Program::Nextest).await?.bin,
    );
    for stage in test_stages() {
        stage::run(root, &stage, &nextest, &interrupt).await?;
    }
    Ok(Code::Passed)
}

/// Format, lint, unit tests, both phases, phase 2 in containers; every stage's time. The first failing stage ends it. One
/// after the other: two cargos at once only wait for each other, and images that are built slow every test down.
///
/// # Errors
/// The stage that failed.
pub async fn ci(root: &Path, config: &Config, args: Args) -> anyhow::Result<Code> {
    let (interrupt, nextest) = (
        Interrupt::install()?,
        programs::obtain(config, Program::Nextest).await?.bin,
    );
    if let Some(subject) = subject(root) {
        eprintln!("{subject}");
    }
    // Before anything that takes minutes: whoever requires Docker wants to know at once.
    let contained = docker::stages(config, args.docker).await?;
    let native = Stage {
        program: StageProgram::Xtask,
        ..Stage::cargo("end to end", &NATIVE, Code::TestsFailed)
    };
    let described = Stage {
        program: StageProgram::Xtask,
        ..Stage::cargo("as guests", &DESCRIBED, Code::TestsFailed)
    };
    let mut times = Vec::new();
    for stage in lint_stages()
        .into_iter()
        .chain(test_stages())
        .chain([native, described])
        .chain(contained)
    {
        let began = Instant::now();
        let result = stage::run(root, &stage, &nextest, &interrupt).await;
        times.push((stage.name, began.elapsed(), result.is_ok()));
        if let Err(error) = result {
            eprint!("{}", table(&times));
            return Err(error);
        }
    }
    eprint!("{}", table(&times));
    Ok(Code::Passed)
}

/// Both phases on host processes.
const NATIVE: [&str; 6] = ["e2e", "all", "--runtime", "native", "--if-missing", "fail"];

/// The same with our own parts as if they were somebody else's.
const DESCRIBED: [&str; 8] = [
    "e2e",
    "all",
    "--runtime",
    "native",
    "--model",
    "replay",
    "--parts",
    "parts/ours.toml",
];

fn table(times: &[(&str, std::time::Duration, bool)]) -> String {
    let row = |(name, time, passed): &(&str, std::time::Duration, bool)| {
        format!(
            "{name:<14} {:<7} {:>8}\n",
            if *passed { "passed" } else { "FAILED" },
            seconds(*time)
        )
    };
    let total: std::time::Duration = times.iter().map(|(_, time, _)| *time).sum();
    let rows: String = times.iter().map(row).collect();
    format!("\n{rows}{:<22} {:>8}\n", "total", seconds(total))
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
            lint_stages().into_iter().chain(test_stages()).collect()
        ));
        insta::assert_snapshot!(table(&[
            ("format", Duration::from_millis(700), true),
            ("lint", Duration::from_secs(80), false)
        ]));
    }
}
