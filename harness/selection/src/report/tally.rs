//! The tests of a run by lane.

use crate::lanes::{KNOWN, of};
use harness_base::run::clock::seconds;
use harness_base::run::info::{Difference, Judged};
use harness_base::run::junit::Case;
use std::time::Duration;

/// How many tests ran and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Ran.
    pub tests: usize,
    /// Failed, timed out, or could not be run; also those that passed though they are known to differ.
    pub failed: usize,
    /// Failed, as they are known to.
    pub differ: usize,
}

/// How one lane went.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    /// Its name.
    pub name: String,
    /// How many ran, and failed.
    pub counts: Counts,
    /// From the first one's start to the last one's end; the lanes run side by side.
    pub span: Duration,
}

/// All tests together, and lane by lane.
pub fn tally(cases: &[Case], judged: &Judged) -> (Counts, Vec<Tally>) {
    (count(cases.iter(), judged), lanes(cases, judged))
}

fn count<'a>(cases: impl Iterator<Item = &'a Case>, judged: &Judged) -> Counts {
    let named = |all: &[Difference], case: &Case| all.iter().any(|it| it.test == case.name);
    cases.fold(Counts::default(), |counts, case| {
        let differs = named(&judged.known, case);
        let fails = case.failure.is_some() && !differs || named(&judged.stale, case);
        Counts {
            tests: counts.tests + 1,
            failed: counts.failed + usize::from(fails),
            differ: counts.differ + usize::from(differs),
        }
    })
}

fn lanes(cases: &[Case], judged: &Judged) -> Vec<Tally> {
    let place = |lane: &str| KNOWN.iter().position(|known| *known == lane);
    let mut names: Vec<&str> = cases.iter().map(|case| of(&case.name)).collect();
    names.sort_by_key(|name| (place(name).unwrap_or(KNOWN.len()), *name));
    names.dedup();
    let lane = |name: &str| {
        let its = || cases.iter().filter(|case| of(&case.name) == name);
        let first = its().filter_map(|case| case.began).min();
        let last = its().filter_map(|case| Some(case.began? + case.took)).max();
        let span = first
            .zip(last)
            .and_then(|(first, last)| last.duration_since(first).ok());
        Tally {
            name: name.to_owned(),
            counts: count(its(), judged),
            span: span.unwrap_or_default(),
        }
    };
    names.into_iter().map(lane).collect()
}

/// `scripted 41 passed in 6.2 s, replayed 2 in 0.3 s, live 1 of 5 FAILED in 4.0 s (embedded m)`.
pub fn line(lanes: &[Tally], model: Option<&str>) -> String {
    let first = lanes.iter().position(|lane| lane.counts.failed == 0);
    let mut words = lanes.iter().enumerate().map(|(at, lane)| {
        let passed = if Some(at) == first { " passed" } else { "" };
        let Counts {
            tests,
            failed,
            differ,
        } = lane.counts;
        let differing = match differ {
            0 => String::new(),
            _ => format!(" and {differ} differ"),
        };
        let count = match failed {
            0 => format!("{}{passed}{differing}", tests - differ),
            _ => format!("{failed} of {tests} FAILED{differing}"),
        };
        let model = match model {
            Some(model) if lane.name == "live" => format!(" ({model})"),
            _ => String::new(),
        };
        format!("{} {count} in {}{model}", lane.name, seconds(lane.span))
    });
    let first = words.next().unwrap_or_default();
    words.fold(first, |text, word| format!("{text}, {word}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_base::run::junit;

    const JUNIT: &str = r#"<testsuites name="e" tests="5" failures="1" errors="0">
    <testsuite name="test-e2e::phase2" tests="5">
        <testcase name="live::chat" classname="test-e2e::phase2" timestamp="2026-11-23T09:00:01.500+00:00" time="2.500">
            <failure message="scripted::no" type="test failure">&lt;testcase name="x"</failure>
        </testcase>
        <testcase name="scripted::a::b" classname="test-e2e::phase2" timestamp="2026-11-23T09:00:00.000+00:00" time="0.100"/>
        <testcase name="scripted::c" classname="live::x" timestamp="2026-11-23T09:00:00.050+00:00" time="0.450">
            <system-out>fine</system-out>
        </testcase>
        <testcase name="complete::says_so" classname="test-e2e::phase2" timestamp="2026-11-23T09:00:00.000+00:00" time="0.100"/>
        <testcase name="alone" classname="test-e2e::phase2" timestamp="2026-11-23T09:00:00.000+00:00" time="0.100"/>
    </testsuite></testsuites>"#;

    #[test]
    fn lanes_of_a_junit_file() {
        let read = |text: &str| {
            let cases = junit::read(text)?;
            Some(tally(&cases, &Judged::default()))
        };
        let (counts, lanes) = read(JUNIT).unwrap();
        let (tests, failed) = (counts.tests, counts.failed);
        assert_eq!((tests, failed), (5, 1));
        insta::assert_snapshot!(line(&lanes, Some("embedded m")), @"scripted 2 passed in 0.50 s, live 1 of 1 FAILED in 2.5 s (embedded m), alone 1 in 0.10 s, complete 1 in 0.10 s");
        let midnight = JUNIT
            .replace("T09:00:00.050", "T23:59:59.950")
            .replace("2026-11-23T09:00:0", "2026-11-24T00:00:0");
        assert_eq!(
            read(&midnight).unwrap().1[0].span,
            Duration::from_millis(450)
        );
        assert!(read("").is_none());
        assert!(read(&JUNIT[..JUNIT.len() / 2]).is_none(), "half a file");
        assert_eq!(line(&[], None), "");
        insta::assert_snapshot!(line(&lanes[1..], None), @"live 1 of 1 FAILED in 2.5 s, alone 1 passed in 0.10 s, complete 1 in 0.10 s");
    }

    #[test]
    fn what_differs_as_known_is_no_failure_and_what_passes_all_the_same_is_one() {
        let cases = junit::read(JUNIT).unwrap();
        let difference = |test: &str| Difference {
            test: test.into(),
            because: "no list".into(),
            at: "p.toml:1".into(),
        };
        let judged = Judged {
            known: vec![difference("live::chat")],
            stale: vec![difference("scripted::c")],
            ..Judged::default()
        };
        let (counts, lanes) = tally(&cases, &judged);
        assert_eq!((counts.failed, counts.differ), (1, 1));
        insta::assert_snapshot!(line(&lanes, None), @"scripted 1 of 2 FAILED in 0.50 s, live 0 passed and 1 differ in 2.5 s, alone 1 in 0.10 s, complete 1 in 0.10 s");
    }
}
