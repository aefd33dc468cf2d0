//! Findings for people and for programs.

use super::finding::{Finding, State};
use std::fmt::Write;

/// One finding on one line.
pub fn line(finding: &Finding) -> String {
    let word = match finding.state {
        State::Ok => "ok",
        State::Missing => "MISSING",
        State::Optional => "optional",
    };
    let mut line = format!("{word:<8} {:<15} {}", finding.name, finding.found);
    if let Some(fix) = &finding.fix {
        // Writing to a string cannot fail.
        let _ = write!(line, "\n{:25}mend: {fix}", "");
    }
    line
}

/// All findings, what is missing last, where people look.
pub fn text(findings: &[Finding]) -> String {
    let (missing, rest): (Vec<_>, Vec<_>) = findings
        .iter()
        .partition(|finding| finding.state == State::Missing);
    let mut text: String = rest
        .iter()
        .chain(&missing)
        .map(|finding| line(finding) + "\n")
        .collect();
    text.push_str(&match missing.len() {
        0 => "everything that is needed is there\n".to_owned(),
        1 => "1 thing is missing\n".to_owned(),
        count => format!("{count} things are missing\n"),
    });
    text
}

/// The stable form: `schema` changes when a field changes its meaning or goes.
pub fn json(findings: &[Finding], ok: bool) -> String {
    serde_json::json!({ "schema": 1, "ok": ok, "findings": findings }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> Vec<Finding> {
        let finding = |name, state, found: &str, fix: Option<&str>| Finding {
            name,
            state,
            found: found.into(),
            fix: fix.map(Into::into),
            phases: vec!["phase2"],
        };
        vec![
            finding(
                "C compiler",
                State::Missing,
                "no cc, gcc or clang on PATH",
                Some("sudo apt-get install -y build-essential"),
            ),
            finding("rust", State::Ok, "rustc 1.95.0", None),
            finding(
                "nextest",
                State::Optional,
                "0.9.148 will be fetched",
                Some("cargo xtask tools install nextest"),
            ),
        ]
    }

    #[test]
    fn for_people() {
        insta::assert_snapshot!(text(&findings()));
    }

    #[test]
    fn for_programs() {
        insta::assert_snapshot!(json(&findings(), false));
    }
}
