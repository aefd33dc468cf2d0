//! What came of each mutant, a JSON line each, so that a run that was ended goes on where it was.

use crate::mutant::Mutant;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What came of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A unit test failed.
    CaughtByUnit,
    /// An end-to-end test failed, or the stack.
    CaughtByE2e,
    /// All passed.
    Missed,
    /// It does not compile.
    Unviable,
    /// A stage took many times what it takes without it.
    Timeout,
}

impl Verdict {
    /// All, as tables list them.
    pub const ALL: [Self; 5] = [
        Self::CaughtByUnit,
        Self::CaughtByE2e,
        Self::Missed,
        Self::Unviable,
        Self::Timeout,
    ];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::CaughtByUnit => "caught by unit",
            Self::CaughtByE2e => "caught by e2e",
            Self::Missed => "missed",
            Self::Unviable => "unviable",
            Self::Timeout => "timeout",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`Mutant::id`].
    pub id: String,
    /// The crate.
    pub package: String,
    /// The file, from the root of the checkout.
    pub file: PathBuf,
    /// The first line of what is replaced.
    pub line: usize,
    /// Place and change.
    pub name: String,
    /// What came of it.
    pub verdict: Verdict,
    /// The test that noticed, or the stage that took too long; null where nothing did.
    pub by: Option<String>,
    /// Whether anything that is tested runs it; `true` where that is not known.
    #[serde(default = "yes")]
    pub reached: bool,
    /// What it took, in seconds; builds included, where it has one of its own.
    pub seconds: f64,
    /// The change.
    pub diff: String,
}

impl Record {
    /// Of a mutant, as it is listed now.
    pub fn new(mutant: &Mutant, verdict: Verdict, by: Option<String>, seconds: f64) -> Self {
        Self {
            id: mutant.id.clone(),
            package: mutant.package.clone(),
            file: mutant.file.clone(),
            line: mutant.span.start.line,
            name: mutant.name.clone(),
            verdict,
            by,
            reached: true,
            seconds,
            diff: mutant.diff.clone(),
        }
    }
}

fn yes() -> bool {
    true
}

/// What is known of mutants, by id; the later line wins. A line that was cut short is no line.
pub fn parse(text: &str) -> BTreeMap<String, Record> {
    let records = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Record>(line).ok());
    records.map(|record| (record.id.clone(), record)).collect()
}

/// What is known of mutants; nothing where there is no file.
pub fn read(path: &Path) -> BTreeMap<String, Record> {
    parse(&std::fs::read_to_string(path).unwrap_or_default())
}

/// Adds a line.
///
/// # Errors
/// When it cannot be written.
pub fn add(path: &Path, record: &Record) -> anyhow::Result<()> {
    let mut line = serde_json::to_string(record).context("write down what came of a mutant")?;
    line.push('\n');
    // After a line that was cut short, which would swallow this one.
    let whole = std::fs::read(path).is_ok_and(|text| text.last().is_none_or(|end| *end == b'\n'));
    if path.exists() && !whole {
        line.insert(0, '\n');
    }
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .with_context(|| format!("write {}", path.display()))
}

/// One for tests.
#[cfg(test)]
pub fn record(id: &str, verdict: Verdict) -> Record {
    Record {
        id: id.into(),
        package: "it".into(),
        file: "src/it.rs".into(),
        line: 3,
        name: format!("src/it.rs:3:1: {id}"),
        verdict,
        by: None,
        reached: true,
        seconds: 1.5,
        diff: "-a\n+b\n".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_short_costs_itself_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("results.jsonl");
        assert!(read(&path).is_empty());
        add(&path, &record("a", Verdict::Missed)).unwrap();
        let cut = std::fs::read_to_string(&path).unwrap() + "{\"id\":\"b\",\"ver";
        std::fs::write(&path, cut).unwrap();
        add(&path, &record("c", Verdict::Unviable)).unwrap();
        add(&path, &record("a", Verdict::CaughtByUnit)).unwrap();
        let known = read(&path);
        let verdicts: Vec<_> = known
            .iter()
            .map(|(id, it)| (id.as_str(), it.verdict))
            .collect();
        assert_eq!(
            verdicts,
            [("a", Verdict::CaughtByUnit), ("c", Verdict::Unviable)]
        );
        assert_eq!(known["c"], record("c", Verdict::Unviable));
    }
}
