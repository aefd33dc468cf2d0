//! A run's JUnit file: what nextest wrote of each test, and what is noted there of those that are known to differ.

use roxmltree::{Document, Node};
use std::ops::Range;
use std::time::{Duration, SystemTime};

/// One test that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The first line of its failure; `None` where it passed.
    pub failure: Option<String>,
    /// When it began.
    pub began: Option<SystemTime>,
    /// How long it took.
    pub took: Duration,
}

impl Case {
    /// One that is known by its name and its end alone.
    pub fn ended(name: &str, failure: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            failure,
            began: None,
            took: Duration::ZERO,
        }
    }
}

/// What is noted of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// It failed as it is known to, for this reason.
    Differs(String),
    /// It passed, though it is known to differ; why that is a failure.
    Stale(String),
}

/// All tests of a file; `None` where it is no report, or half of one.
pub fn read(junit: &str) -> Option<Vec<Case>> {
    let document = Document::parse(junit).ok()?;
    let root = document.root_element();
    if !(root.has_tag_name("testsuites") || root.has_tag_name("testsuite")) {
        return None;
    }
    Some(cases(&document).filter_map(case).collect())
}

fn cases<'a>(document: &'a Document<'_>) -> impl Iterator<Item = Node<'a, 'a>> {
    document
        .descendants()
        .filter(|node| node.has_tag_name("testcase"))
}

fn case(node: Node<'_, '_>) -> Option<Case> {
    let took = node.attribute("time").and_then(|text| text.parse().ok());
    Some(Case {
        name: node.attribute("name")?.to_owned(),
        failure: failures(node).next().map(|it| first_line(node, it)),
        began: node.attribute("timestamp").and_then(moment),
        took: took
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .unwrap_or_default(),
    })
}

fn failures<'a>(case: Node<'a, 'a>) -> impl Iterator<Item = Node<'a, 'a>> {
    let failed = |child: &Node<'_, '_>| {
        ["failure", "error"]
            .iter()
            .any(|it| child.has_tag_name(*it))
    };
    case.children().filter(failed)
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
            if line.starts_with("thread '") && line.contains(" panicked at ") {
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

/// The file with what is noted: a test that differs as known is `skipped` and says why, with all its output; one that
/// passed all the same has a `failure`. `None` where there is no whole file.
pub fn noted(junit: &str, note: impl Fn(&str) -> Option<Note>) -> Option<String> {
    let document = Document::parse(junit).ok()?;
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for suite in document
        .descendants()
        .filter(|node| node.has_tag_name("testsuite") || node.has_tag_name("testsuites"))
    {
        let mut counts = [("failures", 0), ("errors", 0), ("skipped", 0_i64)];
        for node in suite
            .descendants()
            .filter(|node| node.has_tag_name("testcase"))
        {
            match node.attribute("name").and_then(&note) {
                Some(Note::Differs(_)) => {
                    counts[2].1 += 1;
                    for failure in failures(node) {
                        counts[usize::from(failure.has_tag_name("error"))].1 -= 1;
                    }
                }
                Some(Note::Stale(_)) => counts[0].1 += 1,
                None => {}
            }
        }
        for (name, more) in counts {
            let Some(attribute) = suite.attribute_node(name) else {
                continue;
            };
            let now = attribute.value().parse().unwrap_or(0_i64) + more;
            edits.push((attribute.range_value(), now.max(0).to_string()));
        }
    }
    for node in cases(&document) {
        match node.attribute("name").and_then(&note) {
            Some(Note::Differs(why)) => {
                edits.extend(failures(node).map(|it| (it.range(), skipped(junit, it, &why))));
            }
            Some(Note::Stale(why)) => edits.push(failure(junit, node, &why)),
            None => {}
        }
    }
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut text = junit.to_owned();
    for (range, with) in edits {
        text.replace_range(range, &with);
    }
    Some(text)
}

/// A failure that is none: with all that it says.
fn skipped(junit: &str, failure: Node<'_, '_>, why: &str) -> String {
    let why = escaped(why);
    let ends = failure.first_child().zip(failure.last_child());
    let inside = ends.map_or("", |(first, last)| {
        &junit[first.range().start..last.range().end]
    });
    format!("<skipped type=\"known difference\" message=\"{why}\">{inside}</skipped>")
}

/// A failure where nextest saw none.
fn failure(junit: &str, case: Node<'_, '_>, why: &str) -> (Range<usize>, String) {
    let why = escaped(why);
    let failure = format!("<failure type=\"known difference\" message=\"{why}\"/>");
    let Range { start, end } = case.range();
    if junit[start..end].ends_with("/>") {
        return (end - 2..end, format!(">{failure}</testcase>"));
    }
    let close = junit[start..end].rfind("</").map_or(end, |at| start + at);
    (close..close, failure)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
        .replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const JUNIT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="e" tests="4" skipped="0" failures="2" errors="1">
    <testsuite name="test-e2e::phase1" tests="4" skipped="0" errors="1" failures="2">
        <testcase name="a" timestamp="2026-11-23T09:00:01.500+00:00" time="2.500">
            <failure message="no &quot;list&quot;" type="test failure">&lt;testcase name="x"</failure>
            <system-out>failures="9" </system-out>
        </testcase>
        <testcase name="b" time="0.1"><failure message="really"/></testcase>
        <testcase name="c" time="0.1"/>
        <testcase name="d" time="0.1"><error message="no such file"/><system-out>out</system-out></testcase>
        <testcase name="e" time="0.1"><system-out>fine</system-out></testcase>
    </testsuite>
</testsuites>
"#;

    fn note(name: &str) -> Option<Note> {
        match name {
            "a" | "d" => Some(Note::Differs("no \"list\" & <no> cancel".into())),
            "c" | "e" => Some(Note::Stale("it passed".into())),
            _ => None,
        }
    }

    #[test]
    fn what_is_known_is_told_apart() {
        let text = noted(JUNIT, note).unwrap();
        insta::assert_snapshot!(text);
        let failed: Vec<String> = read(&text)
            .unwrap()
            .into_iter()
            .filter(|case| case.failure.is_some())
            .map(|case| case.name)
            .collect();
        assert_eq!(failed, ["b", "c", "e"]);
    }

    #[test]
    fn the_first_line_of_a_failure_is_its_error_or_its_panic_or_what_nextest_says() {
        let first = |output: &str| {
            let text = format!(
                "<testsuite><testcase name=\"a\"><failure type=\"timeout\"/>{output}</testcase></testsuite>"
            );
            read(&text).unwrap().remove(0).failure.unwrap()
        };
        let err = |text: &str| {
            format!("<system-out>running 1 test</system-out><system-err>{text}</system-err>")
        };
        let said = first(&err("a log\nError: a.rs:1: expected 1\nError: 2"));
        assert_eq!(said, "a.rs:1: expected 1");
        for thread in ["thread 'a'", "thread 'a' (17)"] {
            let said = first(&err(&format!("{thread} panicked at a.rs:1:2:\nboom\nmore")));
            assert_eq!(said, "a.rs:1:2: panicked: boom");
        }
        assert_eq!(first(&err("an Error: within")), "timeout");
        assert_eq!(first(""), "timeout");
    }

    #[test]
    fn without_notes_nothing_changes() {
        assert_eq!(noted(JUNIT, |_| None).as_deref(), Some(JUNIT));
        assert_eq!(noted(&JUNIT[..JUNIT.len() / 2], note), None, "half a file");
        assert_eq!(read(""), None);
        let case = &read(JUNIT).unwrap()[0];
        assert_eq!(
            (case.failure.as_deref(), case.took),
            (Some("test failure"), Duration::from_millis(2500))
        );
    }
}
