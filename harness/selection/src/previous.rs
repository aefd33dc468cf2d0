//! What an earlier run was asked to test, and what of it failed or did not run.

use crate::expression::{all_of, any_of, but, exactly};
use anyhow::Context;
use harness_base::run::damaged::folders;
use harness_base::run::junit::{self, Case};
use harness_base::{Code, Phase, coded};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::ErrorKind;
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

    /// A usage error where it cannot be read: without it nobody knows what was to be tested.
    fn read(run: &Path) -> anyhow::Result<Self> {
        let path = run.join(FILE);
        let damaged = |why: String| {
            let text = format!(
                "what was to be tested is not to be read from {}: {why}",
                path.display()
            );
            coded(Code::Usage, text)
        };
        let text = std::fs::read_to_string(&path).map_err(|why| damaged(why.to_string()))?;
        let read: Self = serde_json::from_str(&text).map_err(|why| damaged(why.to_string()))?;
        let known = |name: &String| Phase::ALL.iter().any(|phase| phase.name() == name);
        match read.phases.keys().find(|name| !known(name)) {
            Some(name) => Err(damaged(format!("it names a phase {name}"))),
            None => Ok(read),
        }
    }

    fn write(&self, run: &Path) -> anyhow::Result<()> {
        let (draft, path) = (run.join(".selection.json"), run.join(FILE));
        let text = serde_json::to_string_pretty(self).context("describe a selection")?;
        std::fs::write(&draft, text).with_context(|| format!("write {}", draft.display()))?;
        std::fs::rename(&draft, &path).with_context(|| format!("name {}", path.display()))
    }
}

/// What earlier runs left to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// The runs' folders.
    pub runs: Vec<PathBuf>,
    /// Phases in which something failed or did not run, each with nextest's expression for it; `None` means all tests.
    pub phases: BTreeMap<String, Option<String>>,
    /// Names of tests that failed, by phase.
    pub failed: BTreeMap<String, Vec<String>>,
    /// Reports that cannot be read, for people: what such a phase was asked for is all of it open.
    pub doubts: Vec<String>,
}

impl Unfinished {
    /// Of the newest run of a checkout that tested something.
    ///
    /// # Errors
    /// A usage error where there is none, or its `selection.json` is damaged.
    pub fn newest(runs: &Path) -> anyhow::Result<Self> {
        let earlier = folders(runs).into_iter();
        // By when it was noted: names of runs that began in one second say nothing of their order.
        let noted = earlier.filter_map(|dir| {
            let file = std::fs::metadata(dir.join(FILE)).ok()?;
            Some((file.modified().ok()?, dir))
        });
        let (_, dir) = noted.max().ok_or_else(|| {
            let text = format!("no earlier run in {} has tested anything", runs.display());
            coded(Code::Usage, text)
        })?;
        Self::of(vec![dir])
    }

    /// Of an evidence folder, from wherever it came; or of all that lie in it, in a folder or two of their own, as those of
    /// several shards do.
    ///
    /// # Errors
    /// A usage error where there is none, or what of it cannot be read.
    pub fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        let found = find(folder, 2)?;
        if found.is_empty() {
            let text = format!(
                "{} has no {FILE}: it is no evidence of a run",
                folder.display()
            );
            return Err(coded(Code::Usage, text));
        }
        Self::of(found)
    }

    fn of(runs: Vec<PathBuf>) -> anyhow::Result<Self> {
        let mut left = Self::default();
        for run in &runs {
            for (phase, selected) in Selection::read(run)?.phases {
                left.add(run, phase, selected);
            }
        }
        left.runs = runs;
        Ok(left)
    }

    fn add(&mut self, run: &Path, phase: String, selected: Selected) {
        let path = run.join(&phase).join("junit.xml");
        let cases = report(&path).unwrap_or_else(|why| {
            // One that was stopped before its tests has none.
            if selected.complete || path.exists() {
                let path = path.display();
                self.doubts
                    .push(format!("{path}: {why}: nothing of it counts as passed"));
            }
            None
        });
        let named = |failed: bool| {
            let these = cases.iter().flatten();
            let these = these.filter(move |case| case.failure.is_some() == failed);
            these.map(|case| case.name.as_str())
        };
        let open = match cases {
            Some(_) if selected.complete => exactly(named(true)).map(Some),
            _ => Some(all_of([selected.expression, but(named(false))])),
        };
        let failed = self.failed.entry(phase.clone()).or_default();
        failed.extend(named(true).map(str::to_owned));
        let Some(open) = open else { return };
        let open = match self.phases.remove(&phase) {
            Some(before) => any_of([before, open]),
            None => open,
        };
        self.phases.insert(phase, open);
    }
}

/// The tests of a report that is whole; why it is not.
fn report(path: &Path) -> Result<Option<Vec<Case>>, String> {
    let text = std::fs::read_to_string(path).map_err(|why| match why.kind() {
        ErrorKind::NotFound => "it is not there".to_owned(),
        _ => why.to_string(),
    })?;
    match junit::read(&text) {
        Some(cases) => Ok(Some(cases)),
        None => Err("it is no whole report of tests".to_owned()),
    }
}

/// The evidence folders here or below, the oldest first.
fn find(folder: &Path, depth: usize) -> anyhow::Result<Vec<PathBuf>> {
    // Also one that cannot be read: what failed in it is not to be passed over.
    if folder.join(FILE).symlink_metadata().is_ok() {
        return Ok(vec![folder.to_owned()]);
    }
    if depth == 0 {
        return Ok(Vec::new());
    }
    let unread = |why| {
        coded(
            Code::Usage,
            format!("{}: {why}: it is no evidence of a run", folder.display()),
        )
    };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        // `latest` is one of its neighbours.
        if let Ok(path) = path.canonicalize()
            && path.is_dir()
        {
            folders.push(path);
        }
    }
    folders.sort(); // run ids begin with their time
    folders.dedup();
    let found: anyhow::Result<Vec<_>> = folders.iter().map(|it| find(it, depth - 1)).collect();
    Ok(found?.concat())
}

#[cfg(test)]
mod tests;
