//! What a run's JUnit file says, as nextest writes it.

use crate::e2e::lanes::{KNOWN, of};
use harness_base::run::clock::seconds;
use roxmltree::{Document, Node};
use std::time::{Duration, SystemTime};

/// One test that ran.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name, such as `scripted::tools::a_tool`.
    pub name: String,
    /// The first line of its failure; `None` where it passed.
    pub failure: Option<String>,
    began: Option<SystemTime>,
    took: Duration,
}

/// How many tests ran and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Ran.
    pub tests: usize,
    /// Failed, timed out, or could not be run.
    pub failed: usize,
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

impl Case {
    /// One that is known by its name and its end alone.
    #[cfg(test)]
    pub fn ended(name: &str, failure: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            failure,
            began: None,
            took: Duration::ZERO,
        }
    }
}

/// All tests, together and lane by lane; `None` where there is no such file, or half of one.
pub fn read(junit: &str) -> Option<(Vec<Case>, Counts, Vec<Tally>)> {
    let document = Document::parse(junit).ok()?;
    let cases: Vec<Case> = document
        .descendants()
        .filter(|node| node.has_tag_name("testcase"))
        .filter_map(case)
        .collect();
    let (counts, lanes) = (count(cases.iter()), tally(&cases));
    Some((cases, counts, lanes))
}

fn case(node: Node<'_, '_>) -> Option<Case> {
    let took = node.attribute("time").and_then(|text| text.parse().ok());
    Some(Case {
        name: node.attribute("name")?.to_owned(),
        failure: node
            .children()
            .find(|child| child.has_tag_name("failure") || child.has_tag_name("error"))
            .map(|failure| first_line(node, failure)),
        began: node.attribute("timestamp").and_then(moment),
        took: took
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .unwrap_or_default(),
    })
}

/// What a failed test says first: its error or its panic, else what nextest says of it, such as `timeout`.
fn first_line(case: Node<'_, '_>, failure: Node<'_, '_>) -> String {
    let printed = case
        .children()
        .filter(|child| child.has_tag_name("system-err") || child.has_tag_name("system-out"));
    for text in printed.filter_map(|child| child.text()) {
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(error) = line.strip_prefix("Error: ") {
                return error.to_owned();
            }
            if line.starts_with("thread '") && line.contains("' panicked at ")
                || line.starts_with("thread '") && line.contains(" panicked at ")
            {
                let place = line.rsplit(" panicked at ").next().unwrap_or_default();
                let why = lines.next().unwrap_or_default();
                return format!("{place} panicked: {why}");
            }
        }
    }
    let kind = failure.attribute("type").unwrap_or("failed without a word");
    kind.to_owned()
}

/// `2026-01-31T10:15:30.123+01:00`. The offset is the same in a whole file, and only differences are wanted.
fn moment(timestamp: &str) -> Option<SystemTime> {
    let (date, time) = timestamp.split_once('T')?;
    let time = time.split(['+', '-', 'Z']).next()?;
    humantime::parse_rfc3339(&format!("{date}T{time}Z")).ok()
}

fn count<'a>(cases: impl Iterator<Item = &'a Case>) -> Counts {
    cases.fold(Counts::default(), |counts, case| Counts {
        tests: counts.tests + 1,
        failed: counts.failed + usize::from(case.failure.is_some()),
    })
}

fn tally(cases: &[Case]) -> Vec<Tally> {
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
            counts: count(its()),
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
        let count = match lane.counts.failed {
            0 => format!("{}{passed}", lane.counts.tests),
            failed => format!("{failed} of {} FAILED", lane.counts.tests),
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
        let (_, counts, lanes) = read(JUNIT).unwrap();
        let (tests, failed) = (counts.tests, counts.failed);
        assert_eq!((tests, failed), (5, 1));
        insta::assert_snapshot!(line(&lanes, Some("embedded m")), @"scripted 2 passed in 0.50 s, live 1 of 1 FAILED in 2.5 s (embedded m), alone 1 in 0.10 s, complete 1 in 0.10 s");
        let midnight = JUNIT
            .replace("T09:00:00.050", "T23:59:59.950")
            .replace("2026-11-23T09:00:0", "2026-11-24T00:00:0");
        assert_eq!(
            read(&midnight).unwrap().2[0].span,
            Duration::from_millis(450)
        );
        assert!(read("").is_none());
        assert!(read(&JUNIT[..JUNIT.len() / 2]).is_none(), "half a file");
        assert_eq!(line(&[], None), "");
        insta::assert_snapshot!(line(&lanes[1..], None), @"live 1 of 1 FAILED in 2.5 s, alone 1 passed in 0.10 s, complete 1 in 0.10 s");
    }
}
