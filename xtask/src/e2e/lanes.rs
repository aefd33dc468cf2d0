//! Lanes: the first segment of a test's name says what answers in the model's place.

use super::live::Mode;
use super::summary::seconds;
use crate::process::Command;
use crate::process::ask::ask_async;
use std::path::Path;
use std::time::Duration;

/// In the order in which people read them; a name without any of these counts as a lane of its own.
const KNOWN: [&str; 5] = ["scripted", "replayed", "volume", "live", "stack"];

/// Which lanes a run has: those that it leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lanes {
    out: Vec<&'static str>,
}

/// What a stack has, for those lanes that need it.
#[derive(Clone, Copy, Debug)]
pub struct Has {
    /// A live model.
    pub model: bool,
    /// A gateway that takes scripts.
    pub gateway: bool,
    /// Services that tests may hurt.
    pub control: bool,
}

/// Every lane.
pub static ALL: Lanes = Lanes { out: Vec::new() };

impl Lanes {
    /// What `--model` and the stack make of it.
    pub fn of(mode: Mode, has: Has) -> Self {
        let runs = |lane: &str| match lane {
            "replayed" => has.gateway,
            _ if mode == Mode::Record => false,
            "scripted" | "volume" => has.gateway,
            "live" => has.model,
            "stack" => has.control,
            _ => true,
        };
        Self {
            out: KNOWN.into_iter().filter(|lane| !runs(lane)).collect(),
        }
    }

    /// Whether none is left out.
    pub fn all(&self) -> bool {
        self.out.is_empty()
    }

    /// Those that are left out.
    pub fn left_out(&self) -> &[&'static str] {
        &self.out
    }

    /// For nextest.
    pub fn expression(&self) -> Option<String> {
        (!self.all()).then(|| format!("not test(/^({})::/)", self.out.join("|")))
    }

    /// Whether a test of this name runs.
    pub fn has(&self, name: &str) -> bool {
        !self.out.contains(&of(name))
    }
}

/// The lane of a test.
fn of(name: &str) -> &str {
    name.split("::").next().unwrap_or(name)
}

/// How many tests of a target the lanes leave out, by asking its binary.
pub async fn left_out(binary: &Path, lanes: &Lanes) -> usize {
    // It reads its own table and answers within milliseconds.
    let list = Command::new(binary).args(["--list", "--format", "terse"]);
    let said = ask_async(list, Duration::from_secs(10)).await;
    said.map_or(0, |answer| {
        let tests = answer
            .stdout
            .lines()
            .filter_map(|line| line.strip_suffix(": test"));
        tests.filter(|name| !lanes.has(name)).count()
    })
}

/// How one lane went.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    /// Its name.
    pub name: String,
    /// How many ran.
    pub tests: usize,
    /// How many of these failed.
    pub failed: usize,
    /// From the first one's start to the last one's end; the lanes run side by side.
    pub span: Duration,
}

/// Lanes of a JUnit file, as nextest writes it.
pub fn tally(junit: &str) -> Vec<Tally> {
    let mut found: Vec<(Tally, f64, f64)> = Vec::new();
    // Names and outputs are escaped, so that a tag is a tag.
    for case in junit.split("<testcase ").skip(1) {
        let (head, rest) = case.split_once('>').unwrap_or((case, ""));
        let Some(name) = attribute(head, "name") else {
            continue;
        };
        let inside = if head.ends_with('/') {
            ""
        } else {
            rest.split_once("</testcase>")
                .map_or(rest, |(text, _)| text)
        };
        let failed = inside.contains("<failure") || inside.contains("<error");
        let began = attribute(head, "timestamp").and_then(of_day);
        let began = near(
            began.unwrap_or(0.0),
            found.first().map(|(_, first, _)| *first),
        );
        let took: f64 = attribute(head, "time")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0.0);
        let lane = of(name);
        let at = found.iter().position(|(tally, ..)| tally.name == lane);
        let at = at.unwrap_or_else(|| {
            found.push((
                Tally {
                    name: lane.into(),
                    tests: 0,
                    failed: 0,
                    span: Duration::ZERO,
                },
                began,
                began,
            ));
            found.len() - 1
        });
        let (tally, first, last) = &mut found[at];
        tally.tests += 1;
        tally.failed += usize::from(failed);
        *first = first.min(began);
        *last = last.max(began + took);
    }
    let mut all: Vec<Tally> = found
        .into_iter()
        .map(|(tally, first, last)| Tally {
            span: Duration::from_millis(((last - first).max(0.0) * 1e3).round() as u64),
            ..tally
        })
        .collect();
    let place = |name: &str| KNOWN.iter().position(|known| *known == name);
    all.sort_by_key(|tally| {
        (
            place(&tally.name).unwrap_or(KNOWN.len()),
            tally.name.clone(),
        )
    });
    all
}

fn attribute<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let start = format!("{name}=\"");
    // The head begins with its first attribute; `name` must not be found at the end of `classname`.
    let at = if head.starts_with(&start) {
        start.len()
    } else {
        head.find(&format!(" {start}"))? + start.len() + 1
    };
    head[at..].split_once('"').map(|(value, _)| value)
}

/// Seconds of the day in `2026-01-31T10:15:30.123+00:00`.
fn of_day(timestamp: &str) -> Option<f64> {
    let time = timestamp.split_once('T')?.1;
    let time = time
        .split_once(['+', '-', 'Z'])
        .map_or(time, |(time, _)| time);
    let mut parts = time.split(':').map(|part| part.parse::<f64>().ok());
    Some(parts.next()?? * 3600.0 + parts.next()?? * 60.0 + parts.next()??)
}

/// The same time of day on the other side of midnight, where that is nearer.
fn near(time: f64, other: Option<f64>) -> f64 {
    const DAY: f64 = 86_400.0;
    match other {
        Some(other) if other - time > DAY / 2.0 => time + DAY,
        Some(other) if time - other > DAY / 2.0 => time - DAY,
        _ => time,
    }
}

/// `scripted 41 passed in 6.2 s, replayed 2 in 0.3 s, live 1 of 5 FAILED in 4.0 s (embedded m)`.
pub fn line(lanes: &[Tally], model: Option<&str>) -> String {
    let first = lanes.iter().position(|lane| lane.failed == 0);
    let mut words = lanes.iter().enumerate().map(|(at, lane)| {
        let passed = if Some(at) == first { " passed" } else { "" };
        let count = match lane.failed {
            0 => format!("{}{passed}", lane.tests),
            failed => format!("{failed} of {} FAILED", lane.tests),
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
        let lanes = tally(JUNIT);
        insta::assert_snapshot!(line(&lanes, Some("embedded m")), @"scripted 2 passed in 0.50 s, live 1 of 1 FAILED in 2.5 s (embedded m), alone 1 in 0.10 s, complete 1 in 0.10 s");
        let midnight = JUNIT
            .replace("T09:00:00.050", "T23:59:59.950")
            .replace("T09:00:0", "T00:00:0");
        assert_eq!(tally(&midnight)[0].span, Duration::from_millis(450));
        assert_eq!(tally(""), []);
        assert_eq!(line(&[], None), "");
        insta::assert_snapshot!(line(&lanes[1..], None), @"live 1 of 1 FAILED in 2.5 s, alone 1 passed in 0.10 s, complete 1 in 0.10 s");
    }

    #[test]
    fn which_tests_run() {
        let names = [
            "scripted::a",
            "replayed::a",
            "live::a",
            "stack::a",
            "alive::live::a",
            "lively",
        ];
        let run = |lanes: Lanes| names.map(|name| lanes.has(name));
        let of = |mode, model, gateway, control| {
            let has = Has {
                model,
                gateway,
                control,
            };
            run(Lanes::of(mode, has))
        };
        assert_eq!(run(ALL.clone()), [true; 6]);
        assert_eq!(of(Mode::Auto, true, true, true), [true; 6]);
        assert_eq!(
            of(Mode::Replay, false, true, true),
            [true, true, false, true, true, true]
        );
        assert_eq!(
            of(Mode::Live, true, true, false),
            [true, true, true, false, true, true]
        );
        assert_eq!(
            of(Mode::Auto, true, false, false),
            [false, false, true, false, true, true]
        );
        assert_eq!(
            of(Mode::Record, true, true, true),
            [false, true, false, false, true, true]
        );
    }
}
