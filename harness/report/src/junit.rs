//! The tests of a phase as nextest tells them in its JUnit file.

use crate::text::millis;
use roxmltree::{Document, Node};

/// One test that ran.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// Milliseconds since 1970.
    pub began: Option<i64>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What it printed, where it failed.
    pub failed: Option<String>,
}

/// All of them.
///
/// # Errors
/// Why it is no whole report.
pub fn cases(junit: &str) -> Result<Vec<Case>, roxmltree::Error> {
    let document = Document::parse(junit)?;
    let cases = document
        .descendants()
        .filter(|node| node.has_tag_name("testcase"));
    Ok(cases.filter_map(case).collect())
}

fn case(node: Node<'_, '_>) -> Option<Case> {
    let child = |names: [&'static str; 2]| {
        node.children()
            .filter(move |child| names.iter().any(|name| child.has_tag_name(*name)))
    };
    let failure = child(["failure", "error"]).next();
    let printed: String = child(["system-err", "system-out"])
        .filter_map(|it| it.text())
        .collect();
    Some(Case {
        name: node.attribute("name")?.to_owned(),
        began: node.attribute("timestamp").and_then(millis),
        seconds: node
            .attribute("time")
            .and_then(|time| time.parse().ok())
            .unwrap_or_default(),
        failed: failure.map(|failure| match printed.trim() {
            "" => failure
                .attribute("type")
                .unwrap_or("failed without a word")
                .to_owned(),
            printed => printed.to_owned(),
        }),
    })
}

/// What a failed test said first, and all that stands below it: its error or its panic, else the last it printed.
pub fn failure(printed: &str) -> (String, String) {
    let lines: Vec<&str> = printed.lines().collect();
    let error = lines.iter().position(|line| line.starts_with("Error: "));
    let panic = lines
        .iter()
        .position(|line| line.starts_with("thread '") && line.contains(" panicked at "));
    let (first, from) = match (error, panic) {
        (Some(at), _) => (lines[at]["Error: ".len()..].to_owned(), at + 1),
        (None, Some(at)) => {
            let place = lines[at].rsplit(" panicked at ").next().unwrap_or_default();
            let why = lines.get(at + 1).copied().unwrap_or_default();
            (format!("{place} panicked: {why}"), at + 2)
        }
        (None, None) => (
            lines.last().copied().unwrap_or_default().to_owned(),
            lines.len(),
        ),
    };
    // Where to look, its reader knows.
    let rest = lines.get(from..).unwrap_or_default().iter();
    let rest: Vec<&str> = rest
        .copied()
        .filter(|line| !line.trim_start().starts_with("look: "))
        .collect();
    (first, rest.join("\n").trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_panics_and_silence() {
        let junit = r#"<testsuites><testsuite><testcase name="a" timestamp="2026-11-23T09:00:01.500+00:00" time="2.5">
            <failure type="test failure"/><system-err>noise
Error: x.rs:1: expected a
  detail
</system-err></testcase>
            <testcase name="b" time="0.1"><failure type="test timeout"/></testcase><testcase name="c"/></testsuite></testsuites>"#;
        let found = cases(junit).unwrap();
        assert_eq!((found.len(), found[0].seconds), (3, 2.5));
        let (first, rest) = failure(found[0].failed.as_deref().unwrap());
        assert_eq!((&*first, rest.trim()), ("x.rs:1: expected a", "detail"));
        assert_eq!(found[1].failed.as_deref(), Some("test timeout"));
        assert_eq!(found[2].failed, None);
        let (first, _) = failure("thread 'a' (1) panicked at x.rs:2:3:\nno way\nnote: run with");
        assert_eq!(first, "x.rs:2:3: panicked: no way");
        assert!(cases("<half").is_err());
    }
}
