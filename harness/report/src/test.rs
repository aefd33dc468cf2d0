//! One test: what it did, how it ended, and, where it failed, what the services know of it.

use crate::conversation::Execution;
use crate::difference::{self, Difference};
use crate::history::{self, Event};
use crate::junit::{Case, failure};
use crate::script::{self, Script};
use crate::text::{self, cut, field, line};
use serde::Serialize;
use serde_json::Value;
use std::path::Path;

/// What is told of one step, in characters.
const STEP: usize = 1500;
/// Steps of one test, the last ones.
const STEPS: usize = 60;
/// What stands below a failure's first line, in characters.
const DETAILS: usize = 12_000;
/// Lines of one log, the last ones.
const LINES: usize = 120;

/// One test.
#[derive(Clone, Debug, Serialize)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// `passed`, `failed`, `killed`: it began and nobody saw its end, or `unknown`: that was seen, and cannot be read.
    pub outcome: &'static str,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Milliseconds since 1970.
    pub began: Option<i64>,
    /// The first line of its failure.
    pub first: String,
    /// What differs, where the first line compares.
    pub difference: Option<Difference>,
    /// What stands below the first line.
    pub details: String,
    /// What it did, in order.
    pub steps: Vec<Step>,
    /// Its executions.
    pub executions: Vec<Execution>,
    /// Temporal's histories of them.
    pub histories: Vec<History>,
    /// What its models were asked and what they said.
    pub scripts: Vec<Script>,
    /// What services logged about its executions.
    pub logs: Vec<Log>,
}

/// Something that a test did.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Milliseconds since 1970.
    pub at: i64,
    /// Such as `command`.
    pub kind: String,
    /// On one line.
    pub what: String,
    /// What came of it.
    pub detail: String,
}

/// The history of an execution's workflow.
#[derive(Clone, Debug, Serialize)]
pub struct History {
    /// The execution.
    pub id: String,
    /// Its events.
    pub events: Vec<Event>,
}

/// What a service logged.
#[derive(Clone, Debug, Serialize)]
pub struct Log {
    /// The service.
    pub service: String,
    /// The lines.
    pub text: String,
}

impl Test {
    /// From its folder; `case` is how it ended, if it did and that is known.
    pub fn read(folder: &Path, name: &str, case: Option<&Case>, known: bool) -> Self {
        let notes = text::read(&folder.join("events.jsonl")).unwrap_or_default();
        let notes: Vec<Value> = notes
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let failed = case.and_then(|case| case.failed.as_deref());
        let noted = notes.iter().rfind(|note| note["kind"] == "failure");
        let (first, details) = match (failed, case, noted) {
            (Some(printed), ..) => failure(printed),
            // It was killed: what it last said of itself may be why.
            (None, None, Some(note)) => (
                format!("{}: {}", field(note, "place"), field(note, "what")),
                String::new(),
            ),
            (None, None, None) if !known => (
                "how it ended is not known: the report of its phase cannot be read".to_owned(),
                String::new(),
            ),
            (None, None, None) => (
                "it began, and nobody saw its end: it was killed with its run".to_owned(),
                String::new(),
            ),
            (None, Some(_), _) => Default::default(),
        };
        let outcome = match (case, failed, noted) {
            (None, _, Some(_)) if !known => "failed",
            (None, ..) if !known => "unknown",
            (None, ..) => "killed",
            (_, Some(_), _) => "failed",
            _ => "passed",
        };
        let passed = outcome == "passed";
        let mut steps: Vec<Step> = notes.iter().filter_map(step).collect();
        steps.drain(..steps.len().saturating_sub(if passed { 8 } else { STEPS }));
        if passed {
            for step in &mut steps {
                (step.what, step.detail) = (cut(&step.what, 160), String::new());
            }
        }
        let starts = notes.iter().find(|note| note["kind"] == "start");
        Self {
            name: name.to_owned(),
            outcome,
            seconds: case.map_or(0.0, |case| case.seconds),
            began: case
                .and_then(|case| case.began)
                .or_else(|| starts?["ms"].as_i64()),
            difference: difference::of(first.split(" | ").next().unwrap_or_default()),
            details: cut(&details, DETAILS),
            first,
            steps,
            executions: each(folder, "executions", Execution::of),
            histories: each(folder, "histories", |id, json| History {
                id: id.to_owned(),
                events: history::events(json),
            }),
            scripts: each(folder, "scripts", |key, json| script::of(key, json, &notes)),
            logs: logs(&folder.join("logs")),
        }
    }

    /// Whether it did not pass, as far as is known.
    pub fn failed(&self) -> bool {
        !matches!(self.outcome, "passed" | "unknown")
    }
}

/// The JSON files of a folder below, by their names, in the order in which they sort: ids begin with their time.
fn each<T>(folder: &Path, kind: &str, read: impl Fn(&str, &Value) -> T) -> Vec<T> {
    let entries = std::fs::read_dir(folder.join(kind))
        .into_iter()
        .flatten()
        .flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let found = paths.iter().filter_map(|path| {
        let json = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        Some(read(path.file_stem()?.to_str()?, &json))
    });
    found.collect()
}

fn logs(folder: &Path) -> Vec<Log> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let found = paths.iter().filter_map(|path| {
        let text = text::read(path).ok()?;
        let lines: Vec<&str> = text.lines().collect();
        Some(Log {
            service: path.file_stem()?.to_str()?.to_owned(),
            text: lines[lines.len().saturating_sub(LINES)..].join("\n"),
        })
    });
    found.collect()
}

fn step(note: &Value) -> Option<Step> {
    let kind = field(note, "kind");
    let text = |name: &str| field(note, name);
    let (what, detail) = match kind.as_str() {
        "command" => {
            let args = note["args"].as_array().into_iter().flatten();
            let args: Vec<&str> = args.filter_map(Value::as_str).collect();
            let code = note["code"]
                .as_i64()
                .map_or("killed".to_owned(), |code| format!("exit {code}"));
            let printed = format!("{}{}", text("stdout"), text("stderr"));
            (format!("stigmer {} ({code})", args.join(" ")), printed)
        }
        "spawn" => {
            let args = note["args"].as_array().into_iter().flatten();
            let args: Vec<&str> = args.filter_map(Value::as_str).collect();
            (
                format!("stigmer {} (followed)", args.join(" ")),
                String::new(),
            )
        }
        "agent" => (format!("agent {}", text("agent")), String::new()),
        "execution" => (format!("execution {}", text("execution")), text("message")),
        "script" => (format!("script {}", text("script")), String::new()),
        "answer" => (
            format!("answer for {}", text("script")),
            note["answer"].to_string(),
        ),
        "instance" => (format!("{} of its own", text("instance")), text("endpoint")),
        "failure" => (
            format!("{}: {}", text("place"), text("what")),
            String::new(),
        ),
        _ => return None,
    };
    Some(Step {
        at: note["ms"].as_i64()?,
        kind,
        what: cut(&line(&what), STEP),
        detail: cut(detail.trim(), STEP),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_log_the_last_lines_are_shown() {
        let dir = tempfile::tempdir().unwrap();
        let lines: Vec<String> = (0..=LINES).map(|nth| format!("line {nth}")).collect();
        std::fs::write(dir.path().join("server.log"), lines.join("\n")).unwrap();
        assert_eq!(logs(dir.path())[0].text, lines[1..].join("\n"));
    }
}
