//! One cargo call for everything a run needs.

use crate::binaries::Binary;
use harness_base::cargo::cargo;
use harness_base::parts::guest::ReadyBy;
use harness_base::{
    Artifacts, Code, Command, Config, Interrupt, Output, Phases, Process, Run, coded, spawn,
};
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What to build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// Binaries.
    pub bins: Vec<&'static str>,
    /// Test targets.
    pub tests: Vec<&'static str>,
    /// Crates that are not here are not fetched.
    pub offline: bool,
}

impl Targets {
    /// What the phases need and nobody swapped.
    pub fn new(config: &Config, phases: Phases, tests: bool, services: bool) -> Self {
        let needed = |it: &Binary| *it == Binary::Cli || services && it.is_run_by(phases);
        // Whoever serves by gRPC's own health service is asked by our server's check.
        let asks_by_grpc = (config.parts.guests()).any(|(_, guest)| guest.ready() == ReadyBy::Grpc);
        let bins: Vec<_> = Binary::ALL
            .into_iter()
            .filter(|binary| {
                let theirs = binary.configured(config).is_some() || binary.guest(config).is_some();
                needed(binary) && (!theirs || *binary == Binary::Server && asks_by_grpc)
            })
            .map(Binary::name)
            .collect();
        // Also where only binaries are wanted: cargo leaves the features that tests ask for out of a build without any
        // test, and would compile most dependencies once more.
        let tests = tests || !bins.is_empty();
        Self {
            bins,
            tests: if tests { phases.names() } else { Vec::new() },
            offline: config.offline,
        }
    }
}

/// `cargo build` for the targets, of the workspace's default members: all but the harness, so that features are the same
/// whatever the phase and nothing is built twice; `None` when there is nothing to build.
pub fn command(root: &Path, targets: &Targets) -> Option<Command> {
    if targets.bins.is_empty() && targets.tests.is_empty() {
        return None;
    }
    let bins = targets.bins.iter().flat_map(|name| ["--bin", name]);
    let tests = targets.tests.iter().flat_map(|name| ["--test", name]);
    let offline = targets.offline.then_some("--offline");
    Some(
        Command::new(cargo())
            // Which binaries it made is told on stdout; people read stderr as ever.
            .args(["build", "--message-format", "json-render-diagnostics"])
            .args(bins)
            .args(tests)
            .args(offline)
            .cwd(root),
    )
}

/// Where the build's artifacts are listed, as cargo's JSON lines.
fn artifacts(run: &Run) -> PathBuf {
    run.dir.join("build.json")
}

/// Builds, and reads what was made; cargo's own words go to the terminal.
///
/// # Errors
/// [`Code::Fault`] when it does not compile, [`Code::Interrupted`] at the first signal.
pub async fn run(
    run: &Run,
    targets: &Targets,
    interrupt: &Interrupt,
    verbose: bool,
) -> anyhow::Result<Artifacts> {
    let Some(command) = command(&run.root, targets) else {
        return Ok(Artifacts::default());
    };
    if verbose {
        eprintln!("$ {}", command.echo());
    }
    // Without the run's mark: a compiler cache that the build starts serves later builds too. What is cargo's own is in its
    // group, which the sweep finds by the pid file.
    run.note(&command);
    let process = spawn(
        &command,
        &Output::StdoutOnly(artifacts(run)),
        Some(&run.pid_file("build")),
    )?;
    let exit = tokio::select! {
        exit = process.wait() => exit,
        () = interrupt.reached(1) => {
            stop(&process).await;
            return Err(coded(Code::Interrupted, "interrupted while building"));
        }
    };
    if exit.code == Some(0) {
        Ok(Artifacts::read(&artifacts(run)))
    } else {
        Err(coded(
            Code::Fault,
            format!("the build failed ({exit}); cargo says why above"),
        ))
    }
}

/// Ends a cargo (or nextest) that is not worth waiting for.
pub async fn stop(process: &Process) {
    process.signal(Signal::SIGINT);
    // cargo ends its compilers within milliseconds.
    if tokio::time::timeout(Duration::from_secs(3), process.wait())
        .await
        .is_err()
    {
        process.kill().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let root = Path::new("/w");
        let targets = Targets {
            bins: vec!["stigmer", "stigmer-server"],
            tests: vec!["phase1"],
            offline: false,
        };
        let echo = command(root, &targets).unwrap().echo();
        let echo = echo.split_once(" build ").unwrap().1;
        insta::assert_snapshot!(echo, @"--message-format json-render-diagnostics --bin stigmer --bin stigmer-server --test phase1");
        assert_eq!(command(root, &Targets::default()), None);
    }

    #[test]
    fn binaries_are_built_with_the_features_of_tests() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let config = harness_base::config::load(root).unwrap();
        let phases = harness_base::Phase::Two.into();
        let of = |tests, services| Targets::new(&config, phases, tests, services);
        assert_eq!(of(false, true), of(true, true));
        assert_eq!(of(false, true).tests, ["phase2"]);
    }
}
