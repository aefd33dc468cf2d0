use super::*;
use crate::figures::{ALL, Unit};
use crate::result::Samples;

fn example(against: Option<&str>) -> (Subject, Results) {
    let mut results = Results::default();
    let samples = |measured: &[f64], limit: &[f64], note: &str| Samples {
        measured: measured.to_vec(),
        limit: limit.to_vec(),
        note: note.to_owned(),
    };
    let (one, at_once) = (&ALL[0], &ALL[1]);
    results.add(
        one,
        "here",
        None,
        samples(&[55.0, 54.0, 60.0], &[52.0, 51.0], ""),
    );
    let part = Some(("temporal", Unit::Seconds));
    results.add(one, "here", part, samples(&[0.1234], &[], ""));
    results.add(
        at_once,
        "here",
        None,
        samples(&[33.0], &[155.0], "2 activities each"),
    );
    if against.is_some() {
        results.miss(at_once, "old", "it does not build");
    }
    let subject = Subject {
        machine: Machine {
            cores: 2,
            load: Some([1.5, 0.0, 0.0]),
            ..Machine::default()
        },
        commit: "commit 1234567".to_owned(),
        against: against.map(str::to_owned),
        rounds: 3,
    };
    (subject, results)
}

#[test]
fn people_read_a_table() {
    let (subject, results) = example(None);
    insta::assert_snapshot!(table(&subject, &ALL[..2], &results));
    let (subject, results) = example(Some("old"));
    insta::assert_snapshot!(table(&subject, &ALL[..2], &results));
}

#[test]
fn programs_read_json() {
    let (subject, results) = example(Some("old"));
    let text = serde_json::to_string_pretty(&json(&subject, &ALL[..2], &results));
    insta::assert_snapshot!(text.unwrap());
}

#[test]
fn a_limit_of_nothing_is_no_ratio() {
    let mut results = Results::default();
    let samples = Samples {
        measured: vec![1.0],
        limit: vec![0.0],
        note: String::new(),
    };
    results.add(&ALL[0], "here", None, samples);
    assert_eq!(ratio(results.of("one")[0]), None);
}
