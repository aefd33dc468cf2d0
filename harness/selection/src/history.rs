//! How long things took in the kept runs, and what of this one is far outside.

use anyhow::Context;
use harness_base::run::clock::seconds;
use harness_base::run::junit::Case;
use harness_base::run::sweep;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// Fewer runs say nothing of what is usual.
const ENOUGH: usize = 5;
/// Far outside is more than so many times the median ...
const TIMES: f64 = 2.0;
/// ... and so much above it: what takes milliseconds doubles by chance.
const ABOVE: Duration = Duration::from_millis(500);
/// Rows that the summary names.
const NAMED: usize = 3;
/// Tests that the table shows: the slowest.
const TESTS: usize = 20;

/// What depends on what was edited or fetched, and so has nothing usual.
const EDITED: [&str; 4] = [
    "stage build",
    "stage images",
    "stack ready",
    "started again",
];

const FILE: &str = "timings.json";

/// `timings.json` of a run: how long each thing took, in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Stages, e.g. `build`, `phase2 stack ready`, `phase1 tests (103)`.
    pub stages: BTreeMap<String, f64>,
    /// Services from start to ready, e.g. `phase2 server`.
    pub services: BTreeMap<String, f64>,
    /// Tests, e.g. `phase1 delete::an_agent`.
    pub tests: BTreeMap<String, f64>,
}

impl Timings {
    /// Takes the tests of a phase in.
    pub fn add_tests(&mut self, phase: &str, cases: &[Case]) {
        let named = cases
            .iter()
            .map(|case| (format!("{phase} {}", case.name), case.took.as_secs_f64()));
        self.tests.extend(named);
    }

    /// Writes it into a run's folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, run: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("describe times")?;
        std::fs::write(run.join(FILE), text).context("write the run's times")
    }

    fn read(run: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(run.join(FILE)).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn rows(&self) -> impl Iterator<Item = (String, f64)> {
        let rows = |kind: &'static str, of: &BTreeMap<String, f64>| {
            let rows = of
                .iter()
                .map(|(name, took)| (format!("{kind} {name}"), *took));
            rows.collect::<Vec<_>>()
        };
        let stages = rows("stage", &self.stages).into_iter();
        let services = rows("service", &self.services);
        stages.chain(services).chain(rows("test", &self.tests))
    }
}

/// How long each thing took in the kept runs that passed, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History(BTreeMap<String, Vec<f64>>);

impl History {
    /// Of a checkout's runs.
    pub fn of(runs: &Path) -> Self {
        let all = sweep::runs(runs).into_iter();
        let passed = all.filter(|(_, info)| info.exit_code == Some(0));
        Self::from_runs(passed.filter_map(|(dir, _)| Timings::read(&dir)))
    }

    fn from_runs(runs: impl Iterator<Item = Timings>) -> Self {
        let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (name, took) in runs.flat_map(|run| run.rows().collect::<Vec<_>>()) {
            all.entry(name).or_default().push(took);
        }
        Self(all)
    }

    /// What of a run is far outside, one line; `None` where nothing is, or too little is known. What a build takes depends
    /// on what was edited.
    pub fn slower(&self, now: &Timings) -> Option<String> {
        let outside = |(name, took): (String, f64)| {
            let before = self.0.get(&name).filter(|it| it.len() >= ENOUGH)?;
            let usual = median(before)?;
            let far = took > usual * TIMES && took > usual + ABOVE.as_secs_f64();
            let counts = !EDITED.iter().any(|it| name.ends_with(it));
            (far && counts).then_some((name, took, usual))
        };
        let mut rows: Vec<_> = now.rows().filter_map(outside).collect();
        rows.sort_by(|(_, a, usual), (_, b, other)| (b - other).total_cmp(&(a - usual)));
        let more = rows.len().saturating_sub(NAMED);
        let words = rows.iter().take(NAMED).map(|(name, took, usual)| {
            let (_, name) = name.split_once(' ').unwrap_or(("", name));
            format!("{name} {}, usually {}", text(*took), text(*usual))
        });
        let mut line = words.collect::<Vec<_>>().join("; ");
        if more > 0 {
            line += &format!("; and {more} more");
        }
        (!rows.is_empty()).then(|| format!("slower than usual: {line}"))
    }

    /// The table of `cargo xtask timings`: stages and services, then the slowest tests.
    pub fn table(&self) -> String {
        let all = self.0.iter().filter_map(|(name, times)| {
            let last = *times.last()?;
            let most = times.iter().copied().fold(last, f64::max);
            Some((name.as_str(), times.len(), median(times)?, last, most))
        });
        let (mut tests, rest): (Vec<_>, Vec<_>) = all.partition(|row| row.0.starts_with("test "));
        if rest.is_empty() {
            return "no kept run has passed yet".into();
        }
        tests.sort_by(|a, b| b.2.total_cmp(&a.2));
        let mut out = format!(
            "{:>4} {:>8} {:>8} {:>8}\n",
            "runs", "median", "last", "most"
        );
        for (name, runs, usual, last, most) in rest.into_iter().chain(tests.into_iter().take(TESTS))
        {
            let (usual, last, most) = (text(usual), text(last), text(most));
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{runs:>4} {usual:>8} {last:>8} {most:>8}  {name}");
        }
        out.trim_end().to_owned()
    }
}

fn text(took: f64) -> String {
    seconds(Duration::try_from_secs_f64(took).unwrap_or_default())
}

fn median(times: &[f64]) -> Option<f64> {
    let mut sorted = times.to_owned();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        _ if sorted.is_empty() => None,
        1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(build: f64, server: f64, test: f64) -> Timings {
        let one = |name: &str, took| BTreeMap::from([(name.to_owned(), took)]);
        Timings {
            stages: one("build", build),
            services: one("phase1 server", server),
            tests: one("phase1 delete::an_agent", test),
        }
    }

    fn history(runs: usize) -> History {
        History::from_runs((0..runs).map(|_| run(1.0, 0.05, 2.0)))
    }

    #[test]
    fn far_outside_is_twice_the_median_and_half_a_second() {
        let history = history(5);
        assert_eq!(history.slower(&run(60.0, 0.5, 4.0)), None);
        assert_eq!(
            history.slower(&run(60.0, 0.56, 4.1)).unwrap(),
            "slower than usual: phase1 delete::an_agent 4.1 s, usually 2.0 s; phase1 server 0.56 s, usually 0.05 s"
        );
        let few = super::tests::history(4);
        assert_eq!(
            few.slower(&run(60.0, 9.0, 9.0)),
            None,
            "too little is known"
        );
    }

    #[test]
    fn only_a_few_are_named() {
        let mut now = Timings::default();
        let mut before = now.clone();
        for nth in 0..5 {
            now.tests.insert(format!("t{nth}"), 10.0 + f64::from(nth));
            before.tests.insert(format!("t{nth}"), 1.0);
        }
        let history = History::from_runs(std::iter::repeat_n(before, 5));
        let line = history.slower(&now).unwrap();
        assert!(
            line.contains("t4 14.0 s") && line.ends_with("; and 2 more"),
            "{line}"
        );
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(History::default().table(), "no kept run has passed yet");
        insta::assert_snapshot!(history(3).table(), @r"
        runs   median     last     most
           3   0.05 s   0.05 s   0.05 s  service phase1 server
           3    1.0 s    1.0 s    1.0 s  stage build
           3    2.0 s    2.0 s    2.0 s  test phase1 delete::an_agent
        ");
    }

    #[test]
    fn runs_that_failed_say_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for (id, code) in [("a", 0), ("b", 10)] {
            let run_dir = dir.path().join(id);
            std::fs::create_dir(&run_dir).unwrap();
            let mut info = harness_base::Info::new(id, dir.path()).unwrap();
            info.exit_code = Some(code);
            info.write(&run_dir).unwrap();
            run(1.0, 1.0, 1.0).write(&run_dir).unwrap();
        }
        assert_eq!(History::of(dir.path()).0["stage build"], [1.0]);
    }
}
