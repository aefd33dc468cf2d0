//! A run as one HTML page that asks nobody for anything.

use crate::run::Run;
use anyhow::Context;
use minijinja::{AutoEscape, Environment, context};
use serde::Serialize;

/// Passed tests whose steps are told; the others have their line only, so that 500 tests stay below 2 MB.
const STEPS_OF: usize = 500;
/// Failed tests that are told in full; when more fail, they fail alike.
const FULL: usize = 20;

/// A bar of the timeline, in percent of the whole.
#[derive(Debug, Serialize)]
struct Bar<'a> {
    name: &'a str,
    kind: &'static str,
    from: f64,
    width: f64,
    seconds: f64,
}

/// The page.
///
/// # Errors
/// When the template is wrong.
pub fn render(run: &Run) -> anyhow::Result<String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.add_filter("secs", |seconds: f64| format!("{seconds:.2} s"));
    let template = environment.template_from_str(include_str!("page.html"));
    let template = template.context("page.html")?;
    let failed = run.tests.iter().filter(|test| test.failed()).count();
    let (bars, total) = bars(run);
    template
        .render(context! { run, failed, bars, total, full => FULL, steps_of => STEPS_OF })
        .context("page.html")
}

fn bars(run: &Run) -> (Vec<Bar<'_>>, f64) {
    let mut spans: Vec<(&str, &'static str, i64, i64)> = Vec::new();
    for span in &run.spans {
        spans.push((&span.name, "step", span.began, span.took));
    }
    for test in &run.tests {
        let Some(began) = test.began else { continue };
        let kind = if test.failed() { "failed" } else { "passed" };
        #[expect(clippy::cast_possible_truncation, reason = "a test's milliseconds")]
        let took = (test.seconds * 1000.0) as i64;
        spans.push((&test.name, kind, began, took));
        for execution in &test.executions {
            if let (Some(began), Some(ended)) = (execution.began, execution.ended) {
                spans.push((&execution.id, "execution", began, ended - began));
            }
        }
    }
    spans.sort_by_key(|(_, _, began, took)| (*began, -took));
    let first = spans.iter().map(|it| it.2).min().unwrap_or_default();
    let last = spans.iter().map(|it| it.2 + it.3).max().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a run")]
    let exact = |millis: i64| millis as f64;
    let total = exact((last - first).max(1));
    let bars = spans.into_iter().map(|(name, kind, began, took)| Bar {
        name,
        kind,
        from: 100.0 * exact(began - first) / total,
        width: (100.0 * exact(took) / total).max(0.15),
        seconds: exact(took) / 1000.0,
    });
    (bars.collect(), total / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::junit::Case;
    use crate::run::Span;
    use crate::test::Test;
    use std::path::Path;

    fn run(failed: usize, passed: usize) -> Run {
        let test = |nth: usize, failed: bool| {
            let case = Case {
                name: format!("scripted::a_rather_long_name_of_a_test_number_{nth}"),
                began: Some(1_000 + i64::try_from(nth).unwrap() * 20),
                seconds: 1.5,
                failed: failed.then(|| {
                    "Error: x.rs:1: expected a == \"<b>\", came \"<script>\" | agent a".to_owned()
                }),
            };
            Test::read(Path::new("/no/such"), &case.name, Some(&case), true)
        };
        let tests = (0..failed).map(|nth| test(nth, true));
        Run {
            id: "20260131-101530-k3f9".into(),
            commit: "abc".into(),
            started: "2026-01-31T10:15:30Z".into(),
            began: Some(0),
            exit_code: Some(10),
            causes: vec!["tests failed (exit code 100)".into()],
            on: vec!["phase2: on host processes".into()],
            doubts: Vec::new(),
            spans: vec![Span {
                name: "build".into(),
                began: 0,
                took: 900,
            }],
            tests: tests
                .chain((failed..failed + passed).map(|nth| test(nth, false)))
                .collect(),
        }
    }

    #[test]
    fn five_hundred_tests_fit_and_nothing_is_asked_for() {
        let page = render(&run(250, 250)).unwrap();
        assert!(page.len() < 2_000_000, "{} bytes", page.len());
        for word in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(!page.contains("<script>\""), "what a test says is no HTML");
        assert!(page.contains("&lt;script&gt;"));
    }

    #[test]
    fn bars_are_to_scale() {
        let run = run(1, 0);
        let (bars, total) = bars(&run);
        assert!((total - 2.5).abs() < 0.001, "{total}");
        let (build, test) = (&bars[0], &bars[1]);
        assert!((build.width - 36.0).abs() < 0.01 && (test.from - 40.0).abs() < 0.01);
    }
}
