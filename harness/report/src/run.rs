//! A run's folder as a whole.

use crate::junit::{self, Case};
use crate::test::Test;
use crate::text::{self, field, millis};
use anyhow::{Context, bail};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;

/// A run.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The commit that was tested.
    pub commit: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// Milliseconds since 1970.
    pub began: Option<i64>,
    /// How it ended; `None` where it was killed or still runs.
    pub exit_code: Option<i64>,
    /// Why it did not pass.
    pub causes: Vec<String>,
    /// What ran on what.
    pub on: Vec<String>,
    /// What of its folder cannot be read.
    pub doubts: Vec<String>,
    /// Build, services and what else took time.
    pub spans: Vec<Span>,
    /// All tests, those that did not pass first.
    pub tests: Vec<Test>,
}

/// Something that took time.
#[derive(Clone, Debug, Serialize)]
pub struct Span {
    /// What.
    pub name: String,
    /// Milliseconds since 1970.
    pub began: i64,
    /// How long it took, in milliseconds.
    pub took: i64,
}

impl Run {
    /// Reads a run's folder. What cannot be read of it is said, and the rest is told.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join("run.json");
        let bytes = std::fs::read(&path);
        let bytes = bytes.with_context(|| format!("{} is no run's folder", dir.display()))?;
        let mut doubts = Vec::new();
        let info: Value = serde_json::from_slice(&bytes).unwrap_or_else(|why| {
            doubts.push(format!("{} cannot be read: {why}", path.display()));
            json!({ "run_id": dir.file_name().map(|name| name.to_string_lossy()) })
        });
        let mut tests = Vec::new();
        for phase in ["phase1", "phase2"] {
            tests.extend(phase_tests(&dir.join(phase), &mut doubts));
        }
        tests.sort_by_key(|test| (!test.failed(), test.began));
        let causes = info["causes"].as_array().into_iter().flatten();
        let on = info["versions"].as_object().into_iter().flatten();
        let started = field(&info, "started_at");
        Ok(Self {
            id: field(&info, "run_id"),
            commit: field(&info, "commit"),
            began: millis(&started),
            started,
            exit_code: info["exit_code"].as_i64(),
            causes: causes
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect(),
            on: on
                .map(|(phase, on)| format!("{phase}: {}", on.as_str().unwrap_or_default()))
                .collect(),
            doubts,
            spans: spans(&dir.join("timeline.jsonl")),
            tests,
        })
    }

    /// The tests that are meant: those whose name has `name` in it, else those that did not pass.
    ///
    /// # Errors
    /// When no test has such a name.
    pub fn chosen(&self, name: Option<&str>) -> anyhow::Result<Vec<&Test>> {
        let Some(name) = name else {
            return Ok(self.tests.iter().filter(|test| test.failed()).collect());
        };
        let exact = self.tests.iter().find(|test| test.name == name);
        let all = self.tests.iter().filter(|test| test.name.contains(name));
        let found: Vec<&Test> = exact.map_or_else(|| all.collect(), |test| vec![test]);
        if found.is_empty() {
            bail!("no test of run {} has `{name}` in its name", self.id);
        }
        Ok(found)
    }
}

fn phase_tests(dir: &Path, doubts: &mut Vec<String>) -> Vec<Test> {
    let path = dir.join("junit.xml");
    // One that was killed before its end has no report.
    let (cases, known) = match (path.symlink_metadata().is_ok(), report(&path)) {
        (true, Err(why)) => {
            let path = path.display();
            doubts.push(format!(
                "{path} cannot be read ({why}): of its tests those that passed are not known"
            ));
            (Vec::new(), false)
        }
        (_, cases) => (cases.unwrap_or_default(), true),
    };
    let folder = |name: &str| dir.join("tests").join(name.replace("::", "."));
    let mut tests: Vec<Test> = cases
        .iter()
        .map(|case| Test::read(&folder(&case.name), &case.name, Some(case), true))
        .collect();
    // Those that began and of which nothing else is known.
    for entry in std::fs::read_dir(dir.join("tests"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().replace('.', "::");
        if !cases.iter().any(|case| case.name == name) {
            tests.push(Test::read(&entry.path(), &name, None, known));
        }
    }
    tests
}

fn report(path: &Path) -> anyhow::Result<Vec<Case>> {
    Ok(junit::cases(&text::read(path)?)?)
}

fn spans(path: &Path) -> Vec<Span> {
    let text = text::read(path).unwrap_or_default();
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let spans = lines.filter_map(|line| {
        Some(Span {
            name: field(&line, "name"),
            began: line["began"].as_i64()?,
            took: line["took"].as_i64()?,
        })
    });
    spans.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain;

    const JUNIT: &[u8] = b"<testsuites><testsuite><testcase name=\"a::good\" time=\"0.1\"/>
        <testcase name=\"a::bad\" time=\"0.1\"><failure/><system-err>Error: \xff no</system-err></testcase>
        </testsuite></testsuites>";

    /// Two tests, of which one noted its failure.
    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let test = |name: &str, note: &[u8]| {
            let folder = dir.path().join("phase1/tests").join(name);
            std::fs::create_dir_all(folder.join("logs")).unwrap();
            std::fs::write(folder.join("events.jsonl"), note).unwrap();
            std::fs::write(folder.join("logs/server.log"), b"one\ntw\xffo\n").unwrap();
        };
        test("a.good", b"{\"kind\":\"start\",\"ms\":1}\n\xff\n");
        test(
            "a.bad",
            b"\xff\n{\"kind\":\"failure\",\"place\":\"x.rs:1\",\"what\":\"no\",\"ms\":2}\n",
        );
        std::fs::write(dir.path().join("run.json"), r#"{"run_id":"r"}"#).unwrap();
        std::fs::write(dir.path().join("phase1/junit.xml"), JUNIT).unwrap();
        dir
    }

    fn outcomes(run: &Run) -> Vec<(&str, &str)> {
        let all = run.tests.iter();
        all.map(|test| (test.name.as_str(), test.outcome)).collect()
    }

    #[test]
    fn one_byte_that_is_no_text_hides_nothing() {
        let dir = folder();
        let run = Run::read(dir.path()).unwrap();
        assert!(run.doubts.is_empty(), "{:?}", run.doubts);
        assert_eq!(
            outcomes(&run),
            [("a::bad", "failed"), ("a::good", "passed")]
        );
        let bad = &run.tests[0];
        assert_eq!(bad.first, "\u{fffd} no");
        assert_eq!(bad.steps.len(), 1, "{:?}", bad.steps);
        assert_eq!(bad.logs[0].text, "one\ntw\u{fffd}o");
    }

    #[test]
    fn of_a_report_that_cannot_be_read_what_is_known_is_told() {
        let dir = folder();
        let junit = dir.path().join("phase1/junit.xml");
        for cut in [&JUNIT[..60], b""] {
            std::fs::write(&junit, cut).unwrap();
            let run = Run::read(dir.path()).unwrap();
            assert_eq!(
                outcomes(&run),
                [("a::bad", "failed"), ("a::good", "unknown")]
            );
            let chosen = run.chosen(None).unwrap();
            let text = explain::text(&run, &chosen, false, dir.path());
            assert!(
                text.contains("1 of 2 tests did not pass, of 1 it is not known"),
                "{text}"
            );
            assert!(text.contains("phase1/junit.xml cannot be read"), "{text}");
        }
        std::fs::remove_file(&junit).unwrap();
        let run = Run::read(dir.path()).unwrap();
        assert_eq!(
            outcomes(&run),
            [("a::bad", "killed"), ("a::good", "killed")]
        );
        std::fs::write(dir.path().join("run.json"), "{").unwrap();
        let run = Run::read(dir.path()).unwrap();
        assert!(
            run.doubts[0].contains("run.json cannot be read"),
            "{:?}",
            run.doubts
        );
        assert_eq!(run.tests.len(), 2);
    }
}
