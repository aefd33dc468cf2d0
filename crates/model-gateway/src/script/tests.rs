//! Scripts that nobody meant: whatever is written is refused with words, or answered to its end.

use std::sync::Arc;

use proptest::{
    prelude::*,
    sample::{select, subsequence},
};
use serde_json::{Map, Value, json};

use super::{answer::ScriptedAnswer, openai_stream::Envelope, raw_stream, step::Step};

/// Fields of answers, pieces, calls and what is raw; one is none.
const FIELDS: &[&str] = &[
    "when",
    "text",
    "pieces",
    "tools",
    "usage",
    "finish_reason",
    "delay_ms",
    "status",
    "headers",
    "body",
    "cut_after_pieces",
    "garbage",
    "never",
    "raw",
    "hold",
    "base64",
    "name",
    "arguments",
    "id",
    "end",
    "last_contains",
    "txt",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        select(&[0_u64, 1, 3, 200, 429, 599, 600, u64::MAX][..]).prop_map(Value::from),
        select(&[-1.0, 0.5, 1e300][..]).prop_map(|n| json!(n)),
        ".{0,12}".prop_map(Value::from),
        select(
            &[
                "YQ==",
                "stop",
                "cut",
                "open",
                "close",
                "content-length",
                "\u{0}"
            ][..]
        )
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let object = (
            subsequence(FIELDS, 1..4),
            prop::collection::vec(inner.clone(), 4),
        );
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|(names, values)| {
                let fields = names.into_iter().map(str::to_owned).zip(values);
                Value::Object(fields.collect::<Map<_, _>>())
            }),
        ]
    })
}

fn answer() -> impl Strategy<Value = Value> {
    let said = prop_oneof![
        Just(json!({})),
        ".{0,20}".prop_map(|text| json!({ "text": text })),
        value().prop_map(|value| json!({ "pieces": [value] })),
        value().prop_map(|value| json!({ "tools": [{ "name": "t", "arguments": value }] })),
        value().prop_map(|value| json!({ "raw": { "pieces": [value, "a"] } })),
        (100_u16..700, value())
            .prop_map(|(status, body)| json!({ "status": status, "body": body })),
    ];
    let more = (subsequence(FIELDS, 0..3), prop::collection::vec(value(), 3));
    (said, more).prop_map(|(mut said, (names, values))| {
        for (name, value) in names.into_iter().zip(values) {
            said[name] = value;
        }
        said
    })
}

/// What an answer says, whole and in its stream, whose steps are told.
fn said(answer: ScriptedAnswer) -> (String, Vec<Step>) {
    let answer = Arc::new(answer);
    let envelope = || Envelope {
        id: "id".to_owned(),
        created: 7,
        model: "m".to_owned(),
        usage: true,
    };
    let whole = envelope().whole(&answer);
    let steps = match answer.raw {
        Some(_) => raw_stream::steps(Arc::clone(&answer)).collect(),
        None => envelope().steps(Arc::clone(&answer)).collect(),
    };
    (whole, steps)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn whatever_is_written_is_refused_or_said(written in answer()) {
        let Ok(answer) = serde_json::from_str::<ScriptedAnswer>(&written.to_string()) else {
            return Ok(());
        };
        // What was read is written again as what it is.
        let again = serde_json::to_string(&answer).unwrap();
        prop_assert!(serde_json::from_str::<ScriptedAnswer>(&again).is_ok(), "{}", again);
        match answer.check() {
            Err(why) => prop_assert!(!why.is_empty()),
            Ok(()) => {
                let most = answer.size();
                let (whole, steps) = said(answer);
                prop_assert!(serde_json::from_str::<Value>(&whole).is_ok(), "{}", whole);
                // What is held for it is told by its size.
                prop_assert!(steps.len() <= most + 64, "{} steps for {} bytes", steps.len(), most);
            }
        }
    }
}
