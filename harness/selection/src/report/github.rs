//! GitHub Actions: an annotation at the place of each failed check, and a table in the step's summary.

use super::PhaseReport;
use harness_base::run::clock::seconds;
use harness_base::run::junit::Case;
use std::fmt::Write as _;
use std::io::Write as _;

/// GitHub shows ten annotations of a step.
const MOST: usize = 10;

/// Takes the run's secrets out of what somebody said, which is done before anything of it is escaped.
type Redact<'a> = &'a dyn Fn(&str) -> String;

/// Tells it, where `GITHUB_ACTIONS` is set; `redact` takes the run's secrets out.
pub fn tell(reports: &[PhaseReport], redact: Redact<'_>) {
    if std::env::var_os("GITHUB_ACTIONS").is_none() {
        return;
    }
    let failed = reports.iter().flat_map(|report| &report.cases);
    let lines = failed.filter_map(|case| annotation(case, redact));
    for line in lines.take(MOST) {
        println!("{line}");
    }
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY") else {
        return;
    };
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path);
    let wrote = file.and_then(|mut file| file.write_all(summary(reports, redact).as_bytes()));
    if let Err(error) = wrote {
        eprintln!("no summary of this step: {error}");
    }
}

/// `::error file=..,line=..,title=..::..`, of a test that failed.
fn annotation(case: &Case, redact: Redact<'_>) -> Option<String> {
    let why = redact(case.failure.as_ref()?);
    let mut at = String::new();
    let mut parts = why.splitn(3, ':');
    if let (Some(file), Some(line)) = (parts.next(), parts.next())
        && file.ends_with(".rs")
        && line.parse::<u32>().is_ok()
    {
        at = format!("file={},line={line},", property(file));
    }
    Some(format!(
        "::error {at}title={}::{}",
        property(&case.name),
        message(&why)
    ))
}

fn message(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

fn summary(reports: &[PhaseReport], redact: Redact<'_>) -> String {
    let mut text = "| phase | tests | failed | took |\n|---|---|---|---|\n".to_owned();
    for report in reports {
        let (tests, failed) = match report.counts {
            Some(counts) => (counts.tests.to_string(), counts.failed.to_string()),
            None => ("none ran".into(), String::new()),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {tests} | {failed} | {} |",
            report.phase,
            seconds(report.tests)
        );
    }
    let all = reports.iter().flat_map(|report| &report.cases);
    let mut failed = all
        .filter_map(|case| Some((&case.name, case.failure.as_ref()?)))
        .peekable();
    if failed.peek().is_some() {
        text += "\n| failed | why |\n|---|---|\n";
    }
    for (name, why) in failed {
        let why = redact(why).replace('|', "\\|").replace('<', "&lt;");
        let why = why.replace('\n', "<br>"); // a row is a line
        let _ = writeln!(text, "| `{name}` | {why} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::tally::Counts;
    use super::*;
    use harness_base::Phase;

    fn as_it_is(text: &str) -> String {
        text.to_owned()
    }

    /// One whose letters mean something to GitHub is still known.
    #[test]
    fn no_secret_is_told() {
        let redact = |text: &str| text.replace("k%|<\ny", "[redacted]");
        let case = Case::ended("a", Some("it said k%|<\ny, no more".into()));
        insta::assert_snapshot!(annotation(&case, &redact).unwrap(), @"::error title=a::it said [redacted], no more");
        let mut report = PhaseReport::new(Phase::Two);
        report.cases = vec![case];
        let told = summary(&[report], &redact);
        assert!(
            told.ends_with("| `a` | it said [redacted], no more |\n"),
            "{told}"
        );
    }

    #[test]
    fn an_annotation_stands_at_the_place_of_the_check() {
        let why = "test-e2e/tests/phase2/a.rs:31: expected 1 == 2%, came <1>\nmore".to_owned();
        let case = Case::ended("scripted::a", Some(why));
        insta::assert_snapshot!(annotation(&case, &as_it_is).unwrap(), @"::error file=test-e2e/tests/phase2/a.rs,line=31,title=scripted%3A%3Aa::test-e2e/tests/phase2/a.rs:31: expected 1 == 2%25, came <1>%0Amore");
        let case = Case::ended("b", Some("test timeout".into()));
        insta::assert_snapshot!(annotation(&case, &as_it_is).unwrap(), @"::error title=b::test timeout");
        assert_eq!(annotation(&Case::ended("c", None), &as_it_is), None);
    }

    #[test]
    fn the_step_has_a_table() {
        let mut ran = PhaseReport::new(Phase::One);
        ran.counts = Some(Counts {
            tests: 9,
            failed: 2,
            differ: 3,
        });
        let mut report = PhaseReport::new(Phase::Two);
        report.cases = vec![
            Case::ended("a", Some("x | <b>\nmore".into())),
            Case::ended("c", None),
        ];
        insta::assert_snapshot!(summary(&[ran, report], &as_it_is), @r"
        | phase | tests | failed | took |
        |---|---|---|---|
        | phase1 | 9 | 2 | 0.00 s |
        | phase2 | none ran |  | 0.00 s |

        | failed | why |
        |---|---|
        | `a` | x \| &lt;b><br>more |
        ");
    }
}
