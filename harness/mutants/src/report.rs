//! What people and programs read in the end.

use crate::results::{Record, Verdict};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;

/// How many came to which end.
pub fn counts<'a>(records: impl Iterator<Item = &'a Record>) -> BTreeMap<Verdict, usize> {
    let mut counts = BTreeMap::new();
    for record in records {
        *counts.entry(record.verdict).or_default() += 1;
    }
    counts
}

/// Of those that compile, how many were noticed, in percent; one that made a stage too slow was noticed. `None` of none.
pub fn caught(counts: &BTreeMap<Verdict, usize>) -> Option<f64> {
    let of = |verdict| counts.get(&verdict).copied().unwrap_or(0);
    let caught = of(Verdict::CaughtByUnit) + of(Verdict::CaughtByE2e) + of(Verdict::Timeout);
    let all = caught + of(Verdict::Missed);
    (all > 0).then(|| 100.0 * caught as f64 / all as f64)
}

/// One mutant's end, in a line.
pub fn line(record: &Record) -> String {
    let by = match &record.by {
        Some(by) => format!("; {by}"),
        None if record.reached => String::new(),
        None => "; no test runs it".into(),
    };
    let verdict = record.verdict.name();
    format!(
        "{verdict:<15} {} ({:.1} s{by})",
        record.name, record.seconds
    )
}

/// Those that nothing noticed, with their diffs, and a table.
pub fn text(records: &[Record], left: usize) -> String {
    let mut text = String::new();
    for record in records.iter().filter(|it| it.verdict == Verdict::Missed) {
        let why = if record.reached {
            ""
        } else {
            " (no test runs it)"
        };
        let _ = write!(text, "\nmissed {}{why}\n{}", record.name, record.diff);
    }
    let mut crates = BTreeMap::<&str, Vec<&Record>>::new();
    for record in records {
        crates.entry(&record.package).or_default().push(record);
    }
    let row = |text: &mut String, name: &str, records: &[&Record]| {
        let counts = counts(records.iter().copied());
        let _ = write!(text, "\n{name:<16}");
        for verdict in Verdict::ALL {
            let count = counts.get(&verdict).copied().unwrap_or(0);
            let _ = write!(text, " {count:>14}");
        }
        let share = caught(&counts).map_or("-".into(), |share| format!("{share:.0} %"));
        let _ = write!(text, " {share:>7}");
    };
    let _ = write!(text, "\n{:<16}", "");
    for verdict in Verdict::ALL {
        let _ = write!(text, " {:>14}", verdict.name());
    }
    let _ = write!(text, " {:>7}", "caught");
    for (name, records) in &crates {
        row(&mut text, name, records);
    }
    if crates.len() > 1 {
        row(&mut text, "all", &records.iter().collect::<Vec<_>>());
    }
    if left > 0 {
        let _ = write!(
            text,
            "\n{left} were not tested yet: the same command goes on"
        );
    }
    text + "\n"
}

/// The same for programs.
pub fn json(records: &[Record], left: usize) -> String {
    let counts = counts(records.iter());
    let counted: BTreeMap<_, _> = counts
        .iter()
        .map(|(verdict, count)| (json!(verdict), *count))
        .map(|(name, count)| (name.as_str().unwrap_or_default().to_owned(), count))
        .collect();
    let all = json!({ "schema": 1, "left": left, "counts": counted, "caught_percent": caught(&counts), "mutants": records });
    format!("{all}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::record;

    fn records() -> Vec<Record> {
        let mut other = record("d", Verdict::CaughtByUnit);
        other.package = "that".into();
        other.by = Some("that::server refuses".into());
        vec![
            record("a", Verdict::Missed),
            record("b", Verdict::CaughtByE2e),
            record("c", Verdict::Unviable),
            other,
            record("e", Verdict::Timeout),
        ]
    }

    #[test]
    fn for_people() {
        insta::assert_snapshot!(text(&records(), 2));
        insta::assert_snapshot!(line(&records()[3]), @"caught by unit  src/it.rs:3:1: d (1.5 s; that::server refuses)");
    }

    #[test]
    fn for_programs() {
        let told: serde_json::Value = serde_json::from_str(&json(&records(), 2)).unwrap();
        assert_eq!(
            told["counts"],
            json!({ "missed": 1, "caught_by_e2e": 1, "unviable": 1, "caught_by_unit": 1, "timeout": 1 })
        );
        assert_eq!(
            (&told["caught_percent"], &told["left"]),
            (&json!(75.0), &json!(2))
        );
        assert_eq!(told["mutants"][0]["diff"], "-a\n+b\n");
    }

    #[test]
    fn nothing_is_no_share() {
        let unviable = [record("c", Verdict::Unviable)];
        assert_eq!(caught(&counts(unviable.iter())), None);
    }
}
