//! What an earlier run was asked to test, and what of it failed or did not run.

use crate::expression::{all_of, but, exactly};
use anyhow::Context;
use harness_base::run::junit;
use harness_base::run::sweep;
use harness_base::{Code, Phase, coded};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// `selection.json` of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Phases that were asked for, by name.
    pub phases: BTreeMap<String, Selected>,
}

/// What was asked of one phase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selected {
    /// nextest's expression; `None` means all tests.
    pub expression: Option<String>,
    /// All that it selects ran, with whatever outcome.
    pub complete: bool,
}

const FILE: &str = "selection.json";

impl Selection {
    /// Notes what a run is asked for, before anything of it can fail.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(
        run: &Path,
        phases: &[Phase],
        expression: impl Fn(Phase) -> Option<String>,
    ) -> anyhow::Result<()> {
        let selected = |phase: &Phase| Selected {
            expression: expression(*phase),
            complete: false,
        };
        let named = phases
            .iter()
            .map(|phase| (phase.name().to_owned(), selected(phase)));
        let selection = Self {
            phases: named.collect(),
        };
        selection.write(run)
    }

    /// Notes what a phase's tests were in the end, and whether all of them ran.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(
        run: &Path,
        phase: Phase,
        expression: Option<String>,
        complete: bool,
    ) -> anyhow::Result<()> {
        let mut selection = Self::read(run)?;
        let selected = Selected {
            expression,
            complete,
        };
        selection.phases.insert(phase.name().to_owned(), selected);
        selection.write(run)
    }

    fn read(run: &Path) -> anyhow::Result<Self> {
        let path = run.join(FILE);
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))
    }

    fn write(&self, run: &Path) -> anyhow::Result<()> {
        let (draft, path) = (run.join(".selection.json"), run.join(FILE));
        let text = serde_json::to_string_pretty(self).context("describe a selection")?;
        std::fs::write(&draft, text).with_context(|| format!("write {}", draft.display()))?;
        std::fs::rename(&draft, &path).with_context(|| format!("name {}", path.display()))
    }
}

/// What an earlier run left to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The run's folder.
    pub run: PathBuf,
    /// Phases in which something failed or did not run, each with nextest's expression for it; `None` means all tests.
    pub phases: BTreeMap<String, Option<String>>,
    /// Names of tests that failed, by phase.
    pub failed: BTreeMap<String, Vec<String>>,
}

impl Unfinished {
    /// Of the newest run of a checkout that tested something.
    ///
    /// # Errors
    /// A usage error where there is none.
    pub fn newest(runs: &Path) -> anyhow::Result<Self> {
        let earlier = sweep::runs(runs).into_iter();
        // By when it was noted: names of runs that began in one second say nothing of their order.
        let noted = earlier.filter_map(|(dir, _)| {
            let file = std::fs::metadata(dir.join(FILE)).ok()?;
            Some((file.modified().ok()?, dir))
        });
        let (_, dir) = noted.max().ok_or_else(|| {
            let text = format!("no earlier run in {} has tested anything", runs.display());
            coded(Code::Usage, text)
        })?;
        Self::of(&dir)
    }

    /// Of an evidence folder, from wherever it came; it may lie in a folder or two of its own.
    ///
    /// # Errors
    /// A usage error where there is none; what cannot be read.
    pub fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        let dir = find(folder, 2).ok_or_else(|| {
            let text = format!(
                "{} has no {FILE}: it is no evidence of a run",
                folder.display()
            );
            coded(Code::Usage, text)
        })?;
        Self::of(&dir)
    }

    fn of(run: &Path) -> anyhow::Result<Self> {
        let selection = Selection::read(run)?;
        let (mut phases, mut failed) = (BTreeMap::new(), BTreeMap::new());
        for (phase, selected) in selection.phases {
            let junit = run.join(&phase).join("junit.xml");
            // Without a file, or with half of one, nothing is known to have passed.
            let cases = junit::read(&std::fs::read_to_string(junit).unwrap_or_default());
            let cases = cases.unwrap_or_default();
            let named = |failed: bool| {
                let these = cases
                    .iter()
                    .filter(move |case| case.failure.is_some() == failed);
                these.map(|case| case.name.as_str())
            };
            let open = if selected.complete {
                exactly(named(true)).map(Some)
            } else {
                Some(all_of([selected.expression, but(named(false))]))
            };
            failed.insert(phase.clone(), named(true).map(str::to_owned).collect());
            if let Some(expression) = open {
                phases.insert(phase, expression);
            }
        }
        Ok(Self {
            run: run.to_owned(),
            phases,
            failed,
        })
    }
}

fn find(folder: &Path, depth: usize) -> Option<PathBuf> {
    if folder.join(FILE).is_file() {
        return Some(folder.to_owned());
    }
    if depth == 0 {
        return None;
    }
    let entries = std::fs::read_dir(folder).ok()?;
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.sort(); // run ids begin with their time
    folders
        .iter()
        .rev()
        .filter(|path| path.is_dir())
        .find_map(|path| find(path, depth - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JUNIT: &str = r#"<testsuites><testsuite>
        <testcase name="a::good" time="0.1"/>
        <testcase name="b::bad" time="0.2"><failure message="m">Error: x</failure></testcase>
    </testsuite></testsuites>"#;

    fn run(complete: bool) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let filter = |phase| (phase == Phase::Two).then(|| "test(~b)".to_owned());
        Selection::begin(dir.path(), &Phase::ALL, filter).unwrap();
        std::fs::create_dir(dir.path().join("phase1")).unwrap();
        std::fs::write(dir.path().join("phase1/junit.xml"), JUNIT).unwrap();
        Selection::note(dir.path(), Phase::One, None, complete).unwrap();
        dir
    }

    #[test]
    fn what_failed_is_run_again_and_a_phase_that_never_ran_as_a_whole() {
        let dir = run(true);
        let left = Unfinished::in_folder(dir.path()).unwrap();
        assert_eq!(left.phases["phase1"].as_deref(), Some("test(=b::bad)"));
        assert_eq!(left.phases["phase2"].as_deref(), Some("test(~b)"));
        assert_eq!(left.failed["phase1"], ["b::bad"]);
        assert!(left.failed["phase2"].is_empty());
    }

    #[test]
    fn of_tests_that_were_stopped_all_but_the_passed_ones_are_open() {
        let dir = run(false);
        let left = Unfinished::in_folder(dir.path()).unwrap();
        assert_eq!(
            left.phases["phase1"].as_deref(),
            Some("not (test(=a::good))")
        );
    }

    #[test]
    fn a_phase_without_a_failure_is_done() {
        let dir = run(true);
        let passed = JUNIT.replace("failure", "system-out");
        std::fs::write(dir.path().join("phase1/junit.xml"), passed).unwrap();
        Selection::note(dir.path(), Phase::Two, None, true).unwrap();
        let left = Unfinished::in_folder(dir.path()).unwrap();
        assert!(left.phases.is_empty(), "{left:?}");
    }

    #[test]
    fn evidence_is_found_in_a_folder_of_its_own_and_said_to_be_none() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("download/20260131-101530-k3f9");
        std::fs::create_dir_all(&inner).unwrap();
        let error = Unfinished::in_folder(dir.path()).unwrap_err();
        assert!(
            error.to_string().contains("no evidence of a run"),
            "{error}"
        );
        Selection::begin(&inner, &[Phase::One], |_| None).unwrap();
        let left = Unfinished::in_folder(dir.path()).unwrap();
        assert_eq!((left.run, left.phases["phase1"].clone()), (inner, None));
    }
}
