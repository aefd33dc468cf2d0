//! `--stress`: copies of the tests side by side on one stack.

use anyhow::Context;
use harness_base::run::junit;
use harness_selection::nextest::junit_path;
use harness_selection::report::PhaseReport;
use harness_selection::report::tally::Counts;
use harness_selection::stress::{Stress, table};
use std::path::{Path, PathBuf};

/// The copies: one for each processor, since tests wait more than they compute, and each runs several of them at once.
pub fn copies(stress: Option<Stress>) -> Vec<Option<usize>> {
    match stress {
        None => vec![None],
        Some(_) => (1..=count()).map(Some).collect(),
    }
}

fn count() -> usize {
    std::thread::available_parallelism().map_or(1, |all| all.get().max(2))
}

/// nextest's arguments for each of them.
pub fn args(stress: Option<Stress>) -> Vec<String> {
    stress.map_or(Vec::new(), |stress| stress.args(count()).into())
}

/// Where a copy's words go.
///
/// # Errors
/// When the folder cannot be made.
pub fn log(dir: &Path, copy: usize) -> anyhow::Result<PathBuf> {
    let folder = dir.join("stress");
    std::fs::create_dir_all(&folder).context("make a folder")?;
    Ok(folder.join(format!("{copy}.log")))
}

/// How all copies together went, the table in the report; `None` where nothing ran.
pub fn read(dir: &Path, copies: usize, report: &mut PhaseReport) -> Option<Counts> {
    let texts = (1..=copies).filter_map(|copy| {
        let text = std::fs::read_to_string(junit_path(dir, Some(copy))).ok()?;
        junit::read(&text)
    });
    let cases: Vec<_> = texts.flatten().collect();
    report.on.push(format!(
        "{copies} copies side by side, their words in {}",
        dir.join("stress").display()
    ));
    report.on.extend(table(&cases).lines().map(str::to_owned));
    (!cases.is_empty()).then(|| Counts {
        differ: 0,
        tests: cases.len(),
        failed: cases.iter().filter(|case| case.failure.is_some()).count(),
    })
}
