//! What explains a run that failed: the services' states and logs, Temporal's histories, and the folders of the tests, `tests/NAME` in the phase's: a test notes there what it does, we how it ended, and the tests'
//! own binary what the services know of the failed ones.

use harness_base::run::junit::Case;
use harness_base::{Command, query, tail};
use harness_selection::report::PhaseReport;
use harness_stack::{Owner, Stack, StackFile, evidence};
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Failed tests whose evidence is collected; when more fail, they fail alike.
const MOST: usize = 20;

/// Each question has a limit of 5 s, and they are asked side by side.
const LIMIT: Duration = Duration::from_secs(30);

fn folder(dir: &Path, test: &str) -> PathBuf {
    dir.join("tests").join(test.replace("::", "."))
}

/// Notes how each test ended. One without this note was killed with its run.
pub fn mark(dir: &Path, cases: &[Case]) {
    for case in cases {
        let path = folder(dir, &case.name).join("events.jsonl");
        let end =
            json!({ "kind": "end", "passed": case.failure.is_none(), "failure": case.failure });
        // A test that never asked for the stack has no folder.
        if let Ok(mut file) = OpenOptions::new().append(true).open(path) {
            let _ = writeln!(file, "{end}");
        }
    }
}

/// The failed tests that the services are asked about.
fn worth_it(cases: &[Case]) -> Vec<&str> {
    let failed = cases.iter().filter(|case| case.failure.is_some());
    failed.map(|case| case.name.as_str()).take(MOST).collect()
}

/// What the services know of the failed tests.
async fn collect(stack: &Stack, cases: &[Case]) {
    let names = worth_it(cases);
    let Ok(artifacts) = stack.context.artifacts() else {
        return;
    };
    let Some(binary) = artifacts
        .test(stack.phase.name())
        .filter(|_| !names.is_empty())
    else {
        return;
    };
    let command = Command::new(binary)
        .args(["--exact", "evidence", "--ignored"])
        .env("E2E_STACK", stack.dir.join("stack.json").to_string_lossy())
        .env("E2E_EVIDENCE", names.join("\n"));
    // What it finds is in its files, and what it does not find was not to be had.
    let _ = query(stack.context.run.own(command), LIMIT).await;
}

/// Service states, log tails, Temporal's histories and what is known of the failed tests, while the stack still answers.
pub async fn explain(stack: &Stack, file: Option<&StackFile>, report: &PhaseReport) {
    collect(stack, &report.cases).await;
    let states: serde_json::Map<String, serde_json::Value> = stack
        .members()
        .into_iter()
        .map(|(name, member)| (name, member.handle.describe()))
        .collect();
    // Evidence is collected as far as it goes: what cannot be written must not hide why it was wanted.
    let _ = std::fs::write(
        stack.dir.join("services.json"),
        serde_json::Value::from(states.clone()).to_string(),
    );
    if stack.containers().is_some() {
        evidence::exchanges(
            &stack.log("gateway"),
            &stack.dir.join("logs/exchanges.jsonl"),
        );
    }
    // What runs is in services.json, and what it said of a failed test in the test's folder.
    for (name, member) in stack.members() {
        let Some(state) = member
            .handle
            .end()
            .filter(|_| member.owner == Owner::Shared)
        else {
            continue; // a test's own ends when the test wants it
        };
        let last = tail(&stack.log(&name), 5).join("\n    ");
        eprintln!(
            "{name}: {state}, {}\n    {}",
            stack.log(&name).display(),
            stack.context.run.redact(&last)
        );
    }
    let lost = stack
        .members()
        .iter()
        .any(|(_, member)| member.handle.is_lost());
    // One that went with its engine would be asked in vain, for as long as a question may take.
    if let Some(file) = file.filter(|_| !lost) {
        let into = stack.dir.join("histories");
        let most = stack.context.config.evidence.histories;
        evidence::histories(file, &into, most).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_failures_are_looked_into_and_no_more() {
        let cases = |failed: usize| -> Vec<Case> {
            let names = (0..failed).map(|nth| format!("a::{nth}"));
            let failed = names.map(|name| Case::ended(&name, Some("no".into())));
            let passed = Case::ended("b", None);
            std::iter::once(passed).chain(failed).collect()
        };
        assert_eq!(worth_it(&cases(1)), ["a::0"]);
        assert_eq!(worth_it(&cases(MOST)).len(), MOST);
        assert_eq!(worth_it(&cases(MOST + 1)).len(), MOST);
    }
}
