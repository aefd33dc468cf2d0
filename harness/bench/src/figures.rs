//! The figures: what each measures, what its limit is, and which are wanted.

use serde::Serialize;
use std::collections::BTreeSet;

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Milliseconds.
    #[serde(rename = "ms")]
    Millis,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// How many in a second.
    #[serde(rename = "1/s")]
    PerSecond,
    /// Memory.
    #[serde(rename = "MiB")]
    Mebibytes,
}

impl Unit {
    /// Behind a number.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Millis => "ms",
            Self::Seconds => "s",
            Self::PerSecond => "/s",
            Self::Mebibytes => "MiB",
        }
    }
}

/// How a figure is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// On a stack of its own, by the `measure` bench of test-e2e.
    OnStack,
    /// A command of xtask's and one of cargo's, both with nothing to do: their words.
    Command {
        /// Behind `cargo xtask`.
        measured: &'static [&'static str],
        /// Behind `cargo`.
        limit: &'static [&'static str],
    },
    /// The tests of a phase, with what each part takes.
    Phase(&'static str),
    /// The parts' memory, seen while phase 2 is tested.
    Memory,
    /// The start of phase 2's stack.
    Ready,
    /// The same in containers.
    Containers,
}

/// One figure.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// As `--only` takes it.
    pub name: &'static str,
    /// What is measured.
    pub what: &'static str,
    /// Beside what.
    pub limit: &'static str,
    /// In what.
    pub unit: Unit,
    /// How.
    pub how: How,
}

/// All figures, in the order in which they are shown.
pub const ALL: &[Figure] = &[
    Figure {
        name: "one",
        what: "an execution whose model answers at once",
        limit: "a bare workflow with one activity",
        unit: Unit::Millis,
        how: How::OnStack,
    },
    Figure {
        name: "at-once",
        what: "200 such executions at once",
        limit: "bare workflows with as many activities",
        unit: Unit::PerSecond,
        how: How::OnStack,
    },
    Figure {
        name: "phase1",
        what: "cargo xtask e2e phase1, everything built",
        limit: "its processor seconds, spread over all cores",
        unit: Unit::Seconds,
        how: How::Phase("phase1"),
    },
    Figure {
        name: "phase2",
        what: "cargo xtask e2e phase2, everything built",
        limit: "its processor seconds, spread over all cores",
        unit: Unit::Seconds,
        how: How::Phase("phase2"),
    },
    Figure {
        name: "memory",
        what: "a service after phase 2's tests",
        limit: "the same before them, idle",
        unit: Unit::Mebibytes,
        how: How::Memory,
    },
    Figure {
        name: "e2e",
        what: "cargo xtask e2e --exec true, nothing changed",
        limit: "cargo build of the same, nothing changed",
        unit: Unit::Seconds,
        how: How::Command {
            measured: &[
                "e2e",
                "--runtime",
                "native",
                "--model",
                "replay",
                "--exec",
                "true",
            ],
            limit: BUILD,
        },
    },
    Figure {
        name: "images",
        what: "cargo xtask images, nothing changed",
        limit: "cargo xtask --help",
        unit: Unit::Seconds,
        how: How::Command {
            measured: &["images"],
            limit: HELP,
        },
    },
    Figure {
        name: "prereqs",
        what: "cargo xtask prereqs, nothing missing",
        limit: "cargo xtask --help",
        unit: Unit::Seconds,
        how: How::Command {
            measured: &["prereqs"],
            limit: HELP,
        },
    },
    Figure {
        name: "ready",
        what: "phase 2's services, from the first one's start until all are ready",
        limit: "Temporal, the slowest of them, alone",
        unit: Unit::Millis,
        how: How::Ready,
    },
    Figure {
        name: "containers",
        what: "phase 2's stack in containers, by cargo xtask e2e --keep --exec true",
        limit: "Compose alone, up --wait of the same file and images",
        unit: Unit::Seconds,
        how: How::Containers,
    },
    Figure {
        name: "first-token",
        what: "a model's first token through the gateway",
        limit: "without it",
        unit: Unit::Millis,
        how: How::OnStack,
    },
    Figure {
        name: "creates",
        what: "10,000 executions created by 200 clients",
        limit: "as many questions for the server's health",
        unit: Unit::Seconds,
        how: How::OnStack,
    },
    Figure {
        name: "subscriber",
        what: "an update until a subscriber sees it",
        limit: "until it is answered",
        unit: Unit::Millis,
        how: How::OnStack,
    },
];

const HELP: &[&str] = &["xtask", "--help"];
/// What `e2e` builds.
const BUILD: &[&str] = &[
    "build",
    "--quiet",
    "--bin",
    "stigmer",
    "--bin",
    "stigmer-server",
    "--bin",
    "agent-runner",
    "--bin",
    "model-gateway",
    "--bin",
    "mcp-probe",
    "--test",
    "phase1",
    "--test",
    "phase2",
];

/// The figures with these names, all where there are none.
///
/// # Errors
/// A sentence that names those which are not there, and all that are.
pub fn chosen(names: &[String]) -> Result<Vec<Figure>, String> {
    let known: BTreeSet<&str> = ALL.iter().map(|figure| figure.name).collect();
    let unknown: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !known.contains(name))
        .collect();
    if !unknown.is_empty() {
        let all: Vec<&str> = ALL.iter().map(|figure| figure.name).collect();
        return Err(format!(
            "no figure is named {}; there are {}",
            unknown.join(", "),
            all.join(", ")
        ));
    }
    let wanted = |figure: &&Figure| names.is_empty() || names.iter().any(|it| it == figure.name);
    Ok(ALL.iter().filter(wanted).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(wanted: &[&str]) -> Result<Vec<&'static str>, String> {
        let wanted: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
        Ok(chosen(&wanted)?.iter().map(|figure| figure.name).collect())
    }

    #[test]
    fn some_all_or_an_error_that_lists_them() {
        assert_eq!(names(&[]).unwrap().len(), ALL.len());
        assert_eq!(
            names(&["at-once", "one", "one"]).unwrap(),
            ["one", "at-once"]
        );
        let error = names(&["one", "tow"]).unwrap_err();
        assert!(
            error.starts_with("no figure is named tow; there are one, at-once"),
            "{error}"
        );
    }

    #[test]
    fn no_two_have_the_same_name() {
        let names: BTreeSet<&str> = ALL.iter().map(|figure| figure.name).collect();
        assert_eq!(names.len(), ALL.len());
    }
}
