//! A run's folder as a whole.

use crate::junit;
use crate::test::Test;
use crate::text::{field, millis};
use anyhow::{Context, bail};
use serde::Serialize;
use serde_json::Value;
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
    /// Reads a run's folder.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(dir: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(dir.join("run.json"));
        let text = text.with_context(|| format!("{} is no run's folder", dir.display()))?;
        let info: Value = serde_json::from_str(&text).context("run.json")?;
        let mut tests = Vec::new();
        for phase in ["phase1", "phase2"] {
            tests.extend(phase_tests(&dir.join(phase)));
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

fn phase_tests(dir: &Path) -> Vec<Test> {
    let cases = junit::cases(&std::fs::read_to_string(dir.join("junit.xml")).unwrap_or_default());
    let folder = |name: &str| dir.join("tests").join(name.replace("::", "."));
    let mut tests: Vec<Test> = cases
        .iter()
        .map(|case| Test::read(&folder(&case.name), &case.name, Some(case)))
        .collect();
    // Those that began and of which nothing else is known.
    for entry in std::fs::read_dir(dir.join("tests"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().replace('.', "::");
        if !cases.iter().any(|case| case.name == name) {
            tests.push(Test::read(&entry.path(), &name, None));
        }
    }
    tests
}

fn spans(path: &Path) -> Vec<Span> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
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
