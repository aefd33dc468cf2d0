//! Tests and how they went, out of nextest's JUnit files.

use roxmltree::{Document, Node};
use std::time::Duration;

/// One run of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its name, e.g. `scripted::tools::a_tool_is_called`.
    pub name: String,
    /// How long it took.
    pub took: Duration,
    /// Why it failed, one line; `None` where it passed.
    pub failure: Option<String>,
}

impl Case {
    /// Whether it did.
    pub fn failed(&self) -> bool {
        self.failure.is_some()
    }
}

/// All runs of tests in a file; `None` where it is none, or half of one.
pub fn read(junit: &str) -> Option<Vec<Case>> {
    let document = Document::parse(junit).ok()?;
    let cases = document.descendants();
    let cases = cases.filter(|node| node.has_tag_name("testcase"));
    Some(cases.filter_map(case).collect())
}

fn case(node: Node<'_, '_>) -> Option<Case> {
    let took = node.attribute("time").and_then(|text| text.parse().ok());
    let child = |name: &'static str| node.children().find(move |it| it.has_tag_name(name));
    let text = |name| child(name).and_then(|it| it.text()).unwrap_or_default();
    let failure = child("failure").or_else(|| child("error")).map(|failure| {
        let said = first_line(text("system-err")).or_else(|| first_line(text("system-out")));
        let message = failure.attribute("message").unwrap_or_default();
        let kind = failure.attribute("type").unwrap_or("it failed");
        said.or_else(|| message.lines().next().filter(|it| !it.is_empty()))
            .unwrap_or(kind)
            .to_owned()
    });
    Some(Case {
        name: node.attribute("name")?.to_owned(),
        took: took
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .unwrap_or_default(),
        failure,
    })
}

/// The line that says what went wrong: what a test returned, or what follows where it panicked.
fn first_line(output: &str) -> Option<&str> {
    let mut lines = output.lines();
    let returned = lines.clone().find_map(|line| line.strip_prefix("Error: "));
    returned.or_else(|| {
        lines.find(|line| line.contains("panicked at "))?;
        lines.find(|line| !line.trim().is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_test_failed_is_one_line() {
        let junit = r#"<testsuites><testsuite>
            <testcase name="good" time="0.25"/>
            <testcase name="returned" time="x"><failure type="exit code 1" message="m"/><system-out>
running 1 test</system-out><system-err>noise
Error: tests/a.rs:3: expected 1
  more</system-err></testcase>
            <testcase name="panicked"><failure type="exit code 101"/><system-err>
thread 'a' panicked at tests/a.rs:9:5:
no such thing
note: run with</system-err></testcase>
            <testcase name="timed_out"><failure type="test timeout"/></testcase>
        </testsuite></testsuites>"#;
        let cases = read(junit).unwrap();
        assert_eq!(cases[0].took, Duration::from_millis(250));
        let why: Vec<_> = cases.iter().map(|case| case.failure.as_deref()).collect();
        let expected = [
            None,
            Some("tests/a.rs:3: expected 1"),
            Some("no such thing"),
            Some("test timeout"),
        ];
        assert_eq!(why, expected);
        assert_eq!(read(&junit[..junit.len() / 2]), None, "half a file");
    }
}
