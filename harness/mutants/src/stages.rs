//! What is asked whether it notices a mutant, the cheapest first.

use harness_base::cargo::{HARNESS, cargo};
use harness_base::{Command, Inherit};
use std::path::Path;

/// Who may notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The crate's own unit tests.
    Unit,
    /// Those of the crates that stand on it.
    Dependents,
    /// Phase 1: a server, and the CLI.
    Phase1,
    /// Phase 2: the whole chain, each time from nothing. On a kept stack, what a mutant leaves (workflows that nobody ends, a
    /// database that it wrote) would be laid at the next one's door; a start takes two seconds.
    Phase2,
}

/// Crates that others of the platform stand on.
const SHARED: [&str; 6] = [
    "otlp",
    "stigmer-api",
    "skill-archive",
    "temporal-link",
    "service-kit",
    "agent-tools",
];
/// What runs in phase 1.
const IN_PHASE1: [&str; 6] = [
    "stigmer-server",
    "stigmer-cli",
    "stigmer-api",
    "skill-archive",
    "temporal-link",
    "service-kit",
];

/// Of the harness; no service is made of it.
pub fn is_harness(package: &str) -> bool {
    package == "xtask" || package.starts_with("harness-")
}

/// The stages of a crate.
pub fn of(package: &str) -> Vec<Stage> {
    let mut stages = vec![Stage::Unit];
    if is_harness(package) {
        // What is wrong with a floor may show in a command alone.
        if HARNESS.contains(&package) && package != "xtask" {
            stages.push(Stage::Dependents);
        }
        return stages;
    }
    if SHARED.contains(&package) {
        stages.push(Stage::Dependents);
    }
    if IN_PHASE1.contains(&package) {
        stages.push(Stage::Phase1);
    }
    stages.push(Stage::Phase2);
    stages
}

/// What is built with a crate: the selection that everything else builds too, since other features would compile the
/// dependencies anew.
pub fn selection(package: &str) -> Vec<&str> {
    match package {
        floor if HARNESS.contains(&floor) => HARNESS.to_vec(),
        program if is_harness(program) => vec!["-p", program],
        _ => Vec::new(),
    }
}

/// Builds a selection and its tests; what is wrong is said for programs, of as many crates as can be.
pub fn build(selection: &[&str], places: Places<'_>) -> Command {
    let command = Command::new(cargo()).args([
        "build",
        "--quiet",
        "--locked",
        "--tests",
        "--keep-going",
        "--message-format",
        "json",
    ]);
    in_copy(command.args(selection.iter().copied()), places)
}

/// Where things are.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// The copy of the checkout.
    pub copy: &'a Path,
    /// `xtask`.
    pub xtask: &'a Path,
}

impl Stage {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit tests",
            Self::Dependents => "unit tests of crates above",
            Self::Phase1 => "phase 1",
            Self::Phase2 => "phase 2",
        }
    }

    /// Its command. It ends at the first test that fails.
    pub fn command(self, package: &str, places: Places<'_>) -> Command {
        let tests = |expression: String| {
            let command = Command::new(cargo()).args([
                "nextest",
                "run",
                "--profile",
                "mutants",
                "--cargo-quiet",
                "--no-tests",
                "pass",
            ]);
            command
                .args(selection(package))
                .args(["-E".to_owned(), expression])
                .inherit(Inherit::TestTool)
        };
        let phase = |phase: &str| {
            let command = Command::new(places.xtask).args([
                "e2e",
                phase,
                "--runtime",
                "native",
                "--model",
                "replay",
                "--if-missing",
                "fail",
            ]);
            command.args(["--", "--max-fail", "1:immediate"])
        };
        let command = match self {
            Self::Unit => tests(format!("package({package})")),
            Self::Dependents => tests(format!(
                "rdeps({package}) - package({package}) - package(test-e2e)"
            )),
            Self::Phase1 => phase("phase1"),
            Self::Phase2 => phase("phase2"),
        };
        in_copy(command, places)
    }
}

fn in_copy(command: Command, places: Places<'_>) -> Command {
    // A target folder of the user's own choice is for the checkout, and a snapshot is not to be written by a mutant.
    command
        .cwd(places.copy)
        .env("E2E_ROOT", places.copy.to_string_lossy())
        .env("INSTA_UPDATE", "no")
        .env("INSTA_FORCE_PASS", "0")
        .env("CARGO_TERM_COLOR", "never")
        .unset("CARGO_TARGET_DIR")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheapest_first() {
        use Stage::{Dependents, Phase1, Phase2, Unit};
        assert_eq!(of("agent-runner"), [Unit, Phase2]);
        assert_eq!(of("stigmer-server"), [Unit, Phase1, Phase2]);
        assert_eq!(of("stigmer-api"), [Unit, Dependents, Phase1, Phase2]);
        assert_eq!(of("harness-base"), [Unit, Dependents]);
        assert_eq!(of("xtask"), [Unit]);
        assert_eq!(of("harness-report"), [Unit]);
    }

    #[test]
    fn command_lines() {
        let places = Places {
            copy: Path::new("/copy"),
            xtask: Path::new("/xtask"),
        };
        let echo = |stage: Stage, package| {
            let echo = stage.command(package, places).echo();
            echo.split_once("CARGO_TERM_COLOR=never ")
                .unwrap()
                .1
                .to_owned()
        };
        insta::assert_snapshot!(echo(Stage::Phase2, "agent-runner"), @"/xtask e2e phase2 --runtime native --model replay --if-missing fail -- --max-fail 1:immediate");
        insta::assert_snapshot!(echo(Stage::Phase1, "stigmer-cli"), @"/xtask e2e phase1 --runtime native --model replay --if-missing fail -- --max-fail 1:immediate");
        let of_harness = |package| echo(Stage::Unit, package);
        assert!(of_harness("xtask").contains(" -p harness-stack -E 'package(xtask)'"));
        assert!(of_harness("harness-watch").contains(" pass -p harness-watch -E "));
        let unit = echo(Stage::Unit, "stigmer-cli");
        insta::assert_snapshot!(unit.split_once(" nextest ").unwrap().1, @"run --profile mutants --cargo-quiet --no-tests pass -E 'package(stigmer-cli)'");
        let above = echo(Stage::Dependents, "stigmer-api");
        insta::assert_snapshot!(above.split_once(" nextest ").unwrap().1, @"run --profile mutants --cargo-quiet --no-tests pass -E 'rdeps(stigmer-api) - package(stigmer-api) - package(test-e2e)'");
    }
}
