//! The last lines of a run, and its table of times.

use super::PhaseReport;
use super::tally;
use harness_base::Phase;
use harness_base::run::clock::seconds;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// Failed tests that are named, and of each reason as much as two or three lines of a terminal have: what was said last is to
/// fit on a screen of 24 lines.
const NAMED: usize = 4;
const REASON: usize = 230;

/// One line per phase, the failed tests with their reasons, then where the evidence lies.
pub fn lines(reports: &[PhaseReport], total: Duration, dir: &Path, page: Option<&Path>) -> String {
    let mut text = String::new();
    for report in reports {
        let verdict = match (report.counts, &report.trouble) {
            (_, Some(_)) if report.skipped => "SKIPPED, nothing of it ran".to_owned(),
            (Some(counts), None) => {
                let (passed, differing) = match counts.differ {
                    0 => (tests(counts.tests), String::new()),
                    differ => ((counts.tests - differ).to_string(), differing(report)),
                };
                format!("{passed} passed{differing} in {}", seconds(report.tests))
            }
            (Some(counts), Some(_)) => format!(
                "{} of {} failed{} in {}",
                counts.failed,
                tests(counts.tests),
                differing(report),
                seconds(report.tests)
            ),
            (None, None) => format!("passed in {}", seconds(report.tests)),
            (None, Some(_)) => "FAILED".to_owned(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}: {verdict}", report.phase);
        if report.phase == Phase::Two && !report.lanes.is_empty() {
            let line = tally::line(&report.lanes, report.model.as_deref());
            let _ = writeln!(text, "    {line}");
        }
        if let Some(why) = &report.without {
            // Whoever counts no tests still hears of the lane.
            let left_out = match report.left_out {
                0 => String::new(),
                count => format!(" {}", tests(count)),
            };
            let _ = writeln!(
                text,
                "    LEFT OUT{left_out}: {}",
                why.replace('\n', "\n    ")
            );
        }
        for on in &report.on {
            let _ = writeln!(text, "    {on}");
        }
        if let Some(trouble) = &report.trouble {
            let trouble = format!("{trouble:#}").replace('\n', "\n    ");
            let _ = writeln!(text, "    {trouble}");
        }
    }
    text += &failures(reports);
    if let Some(page) = page {
        let _ = writeln!(text, "page: {}", page.display());
    }
    let _ = writeln!(
        text,
        "took {}, evidence in {}",
        seconds(total),
        dir.display()
    );
    text
}

/// What failed, why, where to look, what to type.
fn failures(reports: &[PhaseReport]) -> String {
    let failed: Vec<_> = reports
        .iter()
        .flat_map(|report| report.cases.iter().map(move |case| (report, case)))
        .filter_map(|(report, case)| Some((report, &case.name, case.failure.as_ref()?)))
        .collect();
    let Some((report, name, _)) = failed.first() else {
        return String::new();
    };
    let mut text = String::new();
    for (_, name, why) in failed.iter().take(NAMED) {
        let cut = match why.char_indices().nth(REASON) {
            Some((end, _)) => format!("{}..", &why[..end]),
            None => (*why).clone(),
        };
        let _ = writeln!(text, "FAILED {name}\n  {cut}");
    }
    if failed.len() > NAMED {
        let _ = writeln!(text, "and {} more", failed.len() - NAMED);
    }
    let _ = writeln!(text, "look: cargo xtask explain {name}");
    let (phase, again) = (report.phase, &report.again);
    let _ = writeln!(
        text,
        "again: cargo xtask e2e {phase} 'test(={name})'{again}"
    );
    text
}

/// `, 8 differ as known: no list (6), no cancel (2)`, the most frequent reason first.
fn differing(report: &PhaseReport) -> String {
    let known = report.judged.as_ref().map(|judged| &judged.known[..]);
    let known = known.unwrap_or_default();
    if known.is_empty() {
        return String::new();
    }
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for difference in known {
        match reasons
            .iter_mut()
            .find(|(why, _)| *why == difference.because)
        {
            Some((_, count)) => *count += 1,
            None => reasons.push((&difference.because, 1)),
        }
    }
    reasons.sort_by_key(|(why, count)| (std::cmp::Reverse(*count), *why));
    let reasons = reasons
        .iter()
        .map(|(why, count)| format!("{why} ({count})"));
    let reasons: Vec<String> = reasons.collect();
    format!(", {} differ as known: {}", known.len(), reasons.join(", "))
}

fn tests(count: usize) -> String {
    if count == 1 {
        "1 test".into()
    } else {
        format!("{count} tests")
    }
}

/// The table of `--timings`.
pub fn timings(steps: &[(String, Duration)], reports: &[PhaseReport], total: Duration) -> String {
    let mut rows: Vec<(String, String)> = steps
        .iter()
        .map(|(name, time)| (name.clone(), seconds(*time)))
        .collect();
    for report in reports.iter().filter(|report| !report.skipped) {
        let mut services = report.services.clone();
        services.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        for (name, time) in &services {
            rows.push((
                format!("{} {name}: start to ready", report.phase),
                seconds(*time),
            ));
        }
        if let (Some(ready), Some((slowest, time))) = (report.ready, services.first()) {
            let built = steps
                .iter()
                .find(|(name, _)| name == "build")
                .map_or(Duration::ZERO, |(_, time)| *time);
            // Where the build outlasts the slowest service, the stack's time says nothing about the stack.
            let remark = if built > *time {
                "waited for the build".to_owned()
            } else {
                format!(
                    "{:.2} x {slowest}",
                    ready.as_secs_f64() / time.as_secs_f64().max(0.001)
                )
            };
            rows.push((
                format!("{} stack ready", report.phase),
                format!("{} ({remark})", seconds(ready)),
            ));
        }
        rows.push((format!("{} tests", report.phase), seconds(report.tests)));
    }
    rows.push(("total".into(), seconds(total)));
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().fold(String::new(), |mut text, (name, time)| {
        let _ = writeln!(text, "{name:<width$}  {time:>8}");
        text
    })
}

#[cfg(test)]
mod test {
    use super::super::tally::{Counts, Tally};
    use super::*;
    use harness_base::run::info::{Difference, Judged};
    use harness_base::run::junit::Case;

    fn report() -> PhaseReport {
        let counts = Counts {
            tests: 9,
            failed: 0,
            differ: 0,
        };
        PhaseReport {
            counts: Some(counts),
            tests: Duration::from_millis(6_400),
            ready: Some(Duration::from_millis(1_210)),
            services: vec![
                ("server".into(), Duration::from_millis(40)),
                ("model".into(), Duration::from_millis(1_100)),
            ],
            lanes: vec![Tally {
                name: "live".into(),
                counts,
                span: Duration::from_secs(6),
            }],
            model: Some("embedded m".into()),
            on: vec!["temporal 1.9.1 from PATH".into()],
            ..PhaseReport::new(Phase::Two)
        }
    }

    fn case(nth: usize) -> Case {
        let why = format!("a.rs:1: expected a == \"{}\", came 2", "x".repeat(300));
        Case::ended(&format!("scripted::test_{nth}"), (nth != 2).then_some(why))
    }

    #[test]
    fn what_failed_fits_on_a_screen() {
        let mut two = PhaseReport::new(Phase::Two);
        two.cases = (0..70).map(case).collect();
        let text = failures(&[two]);
        let lines: usize = text.lines().map(|line| 1 + line.len() / 80).sum();
        assert!(lines <= 20, "{lines} lines of 80 columns:\n{text}");
    }

    #[test]
    fn for_people() {
        let failed = PhaseReport {
            counts: Some(Counts {
                tests: 9,
                failed: 2,
                differ: 0,
            }),
            trouble: Some(anyhow::anyhow!("tests failed")),
            cases: (0..7).map(case).collect(),
            left_out: 5,
            without: Some("no live model: nobody answers\n  to have it: start one".into()),
            ..report()
        };
        let difference = |because: &str| Difference {
            test: "t".into(),
            because: because.into(),
            at: "p.toml:1".into(),
        };
        let differing = PhaseReport {
            counts: Some(Counts {
                tests: 9,
                failed: 0,
                differ: 3,
            }),
            judged: Some(Judged {
                known: ["no cancel", "no list", "no list"].map(difference).into(),
                ..Judged::default()
            }),
            ..report()
        };
        let mut skipped = PhaseReport::new(Phase::One);
        skipped.skip(anyhow::anyhow!("no C compiler"), true);
        let dead = PhaseReport {
            counts: None,
            lanes: Vec::new(),
            trouble: Some(anyhow::anyhow!("server died\n  last lines")),
            on: Vec::new(),
            ..report()
        };
        insta::assert_snapshot!(lines(
            &[report(), failed, differing, skipped, dead],
            Duration::from_secs(12),
            Path::new("/e"),
            Some(Path::new("/e/report.html")),
        ));
        insta::assert_snapshot!(timings(
            &[("build".into(), Duration::from_millis(310))],
            &[report()],
            Duration::from_secs(9)
        ));
    }
}
