//! Which tests a run is about, beyond the user's filter: `--failed`, `--changed-since`.

use super::args::Args;
use harness_base::{Phase, Phases, runs_dir};
use harness_selection::expression::{all_of, exactly, of_filter};
use harness_selection::{Selection, Unfinished, changed};
use std::collections::BTreeMap;
use std::path::Path;

/// By phase, nextest's expression; a phase that is not there has none of these tests. `None` means all tests of all phases.
#[derive(Clone, Debug, Default)]
pub struct Narrowed(Option<BTreeMap<String, Option<String>>>);

impl Narrowed {
    /// What the flags say, and which phases have such tests.
    ///
    /// # Errors
    /// Usage errors about a folder, a revision, or no earlier run.
    pub async fn of(root: &Path, args: &Args) -> anyhow::Result<Self> {
        let mut all = Self::default();
        if let Some(folder) = &args.failed {
            let left = match folder {
                None => Unfinished::newest(&runs_dir(root))?,
                Some(folder) => Unfinished::in_folder(folder)?,
            };
            for run in &left.runs {
                eprintln!("what failed or did not run in {}", run.display());
            }
            for doubt in &left.doubts {
                eprintln!("{doubt}");
            }
            all.narrow(left.phases);
        }
        if let Some(revision) = &args.changed_since {
            let changed = changed::since(root, revision).await?.into_iter();
            let exact = |(phase, names): (String, Vec<String>)| {
                (phase, exactly(names.iter().map(String::as_str)))
            };
            all.narrow(changed.map(exact).collect());
        }
        Ok(all)
    }

    fn narrow(&mut self, by: BTreeMap<String, Option<String>>) {
        self.0 = Some(match self.0.take() {
            None => by,
            Some(mut before) => by
                .into_iter()
                .filter_map(|(phase, expression)| {
                    let earlier = before.remove(&phase)?;
                    Some((phase, all_of([earlier, expression])))
                })
                .collect(),
        });
    }

    /// Of these phases those that have such tests.
    pub fn phases(&self, asked: Phases) -> Phases {
        let has = |phase: Phase| {
            let these = self.0.as_ref();
            these.is_none_or(|these| these.contains_key(phase.name()))
        };
        Phases {
            one: asked.one && has(Phase::One),
            two: asked.two && has(Phase::Two),
        }
    }

    /// The expression of a phase.
    pub fn expression(&self, phase: Phase) -> Option<String> {
        let these = self.0.as_ref()?;
        these.get(phase.name()).cloned().flatten()
    }

    /// With the user's filter and whatever else narrows it, as one expression.
    pub fn with(&self, phase: Phase, filter: Option<&str>, also: Option<String>) -> Option<String> {
        all_of([filter.map(of_filter), self.expression(phase), also])
    }

    /// Notes in a run's folder what it is asked for, so that the next one can take up what it leaves.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(&self, run: &Path, args: &Args, phases: Phases) -> anyhow::Result<()> {
        if args.exec.is_some() || args.stress.is_some() {
            return Ok(());
        }
        let asked = |phase: &Phase| match phase {
            Phase::One => phases.one,
            Phase::Two => phases.two,
        };
        let asked: Vec<Phase> = Phase::ALL.into_iter().filter(asked).collect();
        let filter = args.filter.as_deref();
        Selection::begin(run, &asked, |phase| self.with(phase, filter, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_narrow_each_other() {
        let phases = |names: &[(&str, Option<&str>)]| {
            let all = names.iter();
            all.map(|(name, it)| ((*name).to_owned(), it.map(str::to_owned)))
                .collect::<BTreeMap<_, _>>()
        };
        let mut all = Narrowed::default();
        let both = Phases {
            one: true,
            two: true,
        };
        assert!(all.phases(both).one && all.phases(both).two);
        all.narrow(phases(&[("phase1", None), ("phase2", Some("a"))]));
        all.narrow(phases(&[("phase2", Some("b"))]));
        assert!(!all.phases(both).one && all.phases(both).two);
        assert_eq!(all.expression(Phase::Two).as_deref(), Some("(a) & (b)"));
        let with = all.with(Phase::Two, Some("word"), Some("c".into()));
        assert_eq!(with.as_deref(), Some("(test(~word)) & ((a) & (b)) & (c)"));
    }
}
