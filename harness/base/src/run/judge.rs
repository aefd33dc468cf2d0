//! The tests that ran, held against those that are known to differ.

use super::info::{Difference, Judged};
use super::junit::{Case, Note};
use std::collections::BTreeMap;

/// By test, why it differs.
pub type Differences = BTreeMap<String, Difference>;

/// Holds what ran against what is known.
pub fn judge(cases: &[Case], differences: &Differences) -> Judged {
    let mut judged = Judged::default();
    for case in cases {
        match (case.failure.is_some(), differences.get(&case.name)) {
            (true, Some(known)) => judged.known.push(known.clone()),
            (false, Some(known)) => judged.stale.push(known.clone()),
            (true, None) => judged.failed.push(case.name.clone()),
            (false, None) => judged.passed += 1,
        }
    }
    judged
}

/// A test as people are told of it: one that differs as known is no failure, one that passed all the same is one.
pub fn judged(case: Case, judged: &Judged) -> Case {
    let failure = match note(&case.name, judged) {
        Some(Note::Differs(_)) => None,
        Some(Note::Stale(why)) => Some(why),
        None => case.failure,
    };
    Case { failure, ..case }
}

/// Why tests that passed fail the run; `None` where there are none.
pub fn stale(judged: &Judged) -> Option<String> {
    let named = judged.stale.iter();
    let named = named.map(|it| format!("\n  {} ({}: {})", it.test, it.at, it.because));
    let named: String = named.collect();
    (!named.is_empty())
        .then(|| format!("passed, and is listed as known to differ: take it off{named}"))
}

/// What JUnit is told of a test.
pub fn note(test: &str, judged: &Judged) -> Option<Note> {
    let find = |all: &[Difference]| all.iter().find(|it| it.test == test).cloned();
    let differs = find(&judged.known);
    let differs = differs.map(|it| Note::Differs(format!("{} ({})", it.because, it.at)));
    differs.or_else(|| {
        let it = find(&judged.stale)?;
        Some(Note::Stale(format!(
            "passed, and {} lists it as known to differ: {}",
            it.at, it.because
        )))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_tests_may_fail_and_must() {
        let case = |name: &str, failed: bool| Case::ended(name, failed.then(|| "no".into()));
        let known = ["a", "b"].map(|test| {
            let difference = Difference {
                test: test.into(),
                because: "no list".into(),
                at: "p.toml:3".into(),
            };
            (test.to_owned(), difference)
        });
        let cases = [
            case("a", true),
            case("b", false),
            case("c", true),
            case("d", false),
        ];
        let judged = judge(&cases, &Differences::from(known));
        assert_eq!(
            (judged.passed, &judged.failed[..]),
            (1, &["c".to_owned()][..])
        );
        insta::assert_snapshot!(stale(&judged).unwrap(), @r"
        passed, and is listed as known to differ: take it off
          b (p.toml:3: no list)
        ");
        assert_eq!(
            note("a", &judged),
            Some(Note::Differs("no list (p.toml:3)".into()))
        );
        assert!(matches!(note("b", &judged), Some(Note::Stale(_))));
        assert_eq!(note("c", &judged), None);
    }
}
