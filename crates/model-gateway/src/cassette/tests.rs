//! Cassettes that nobody recorded: whatever stands in the file is refused with words, or given again.

use std::{sync::Arc, time::Duration};

use proptest::{
    prelude::*,
    sample::{Index, select},
};
use serde_json::{Value, json};

use super::{
    CassetteState, canon,
    cassette_state::Lookup,
    file::{Cassette, Entry, FORMAT},
    nearest::nearest,
};
use crate::budget::Budget;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        select(&["messages", "user", "call_1", "\u{0}", "\r\n"][..]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let name = select(&["model", "messages", "role", "content", "tools", "id"][..]);
        let field = (name.prop_map(str::to_owned), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            prop::collection::vec(field, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// An entry with its key, or with another one.
fn entry() -> impl Strategy<Value = Value> {
    (value(), any::<bool>(), ".{0,8}", value(), any::<u64>(), ".{0,20}").prop_map(
        |(request, keyed, kind, said, ms, text)| {
            let key = match keyed {
                true => canon::key(&request),
                false => "000000000000".to_owned(),
            };
            let said = match said.is_object() {
                true => said,
                false => json!({}),
            };
            let chunks = json!([{ "ms": ms, "text": text }]);
            json!({ "key": key, "request": request, "content_type": kind, "said": said, "chunks": chunks })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_a_cassette_says_is_refused_or_given_again(
        mut entries in prop::collection::vec(entry(), 0..4),
        (broken, at, with) in (any::<bool>(), any::<Index>(), value()),
        asked in value(),
    ) {
        if broken && !entries.is_empty() {
            let entry = at.get_mut(&mut entries);
            let names: Vec<String> = entry.as_object().unwrap().keys().cloned().collect();
            entry[at.get(&names)] = with;
        }
        let file = json!({ "format": FORMAT, "model": "m", "recorded": "", "upstream": "", "entries": entries });
        let Ok(cassette) = serde_json::from_str::<Cassette>(&file.to_string()) else {
            return Ok(());
        };
        if let Err(why) = cassette.check() {
            prop_assert!(why.starts_with("entry "), "{}", why);
            return Ok(());
        }
        // Written, it is the same again.
        let text = cassette.text(cassette.entries.iter());
        let again: Cassette = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(again.text(again.entries.iter()), text);
        let keys: Vec<String> = cassette.entries.iter().map(|e| e.key.clone()).collect();
        let others: Vec<Arc<Entry>> = cassette.entries.iter().cloned().map(Arc::new).collect();
        let near = nearest(&others, &asked, Duration::from_millis(100));
        prop_assert_eq!(near.is_some(), !others.is_empty());
        let state = CassetteState::loaded(cassette, false, Budget::new(1).take(0).unwrap());
        for key in &keys {
            prop_assert!(matches!(state.take(key), Lookup::Entry(_)));
        }
        for key in &keys {
            prop_assert!(matches!(state.take(key), Lookup::Used(_)));
        }
        prop_assert!(state.miss("c", "none", 0, near.as_ref()).contains("misses none"));
    }
}
