//! The canonical request: what makes two requests the same. Ids and times are dropped, since they differ in every run;
//! roles, contents, tools and the model's own name are kept.

use std::{collections::HashMap, sync::LazyLock};

use regex::{Captures, Regex};
use serde_json::{Map, Value};

use super::secret::Secrets;

/// Fields that say who asks, for the provider's books, or that change nothing about what is asked.
const DROPPED: [&str; 7] = [
    "metadata",
    "prompt_cache_key",
    "safety_identifier",
    "seed",
    "store",
    "stream_options",
    "user",
];

/// A time by RFC 3339, a UUID, or a word, which may be a ULID. Whole words, so that no id is found inside of one.
static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(PATTERN).ok());

const PATTERN: &str = r"(?x)
    (?P<time> [0-9]{4}-[0-9]{2}-[0-9]{2} [Tt\x20] [0-9]{2}:[0-9]{2}:[0-9]{2} (?: \.[0-9]+ )? (?: [Zz] | [+-][0-9]{2}:[0-9]{2} ))
    | (?P<uuid> [0-9a-fA-F]{8} - (?: [0-9a-fA-F]{4} - ){3} [0-9a-fA-F]{12} ) (?-u: \b )
    | (?P<word> [0-9A-Za-z]+ )
";

/// Reads a request that is to be compared with others.
///
/// # Errors
/// When it cannot be read whole, though enough of it to be passed on: half of a character, a number out of bounds, too deep.
pub(super) fn read(request: &[u8]) -> Result<Value, String> {
    let read = serde_json::from_slice(request);
    read.map_err(|why| format!("the request cannot be compared with others: {why}"))
}

/// The canonical form of a request for `model`.
pub(super) fn canonical(request: &Value, model: &str, secrets: &Secrets) -> Value {
    let mut canon = Canon {
        ids: HashMap::new(),
        calls: HashMap::new(),
        secrets,
    };
    let mut request = request.as_object().cloned().unwrap_or_default();
    request.retain(|name, _| !DROPPED.contains(&name.as_str()));
    request.remove("model");
    let mut request = canon.value(&Value::Object(request));
    request["model"] = model.into(); // as it is: a version in it is no id
    request.sort_all_objects();
    request
}

/// The key of a canonical request: the beginning of its SHA-256.
pub(super) fn key(canonical: &Value) -> String {
    let hash = hmac_sha256::Hash::hash(canonical.to_string().as_bytes());
    hash[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Canon<'a> {
    /// Ids, numbered in the order in which they first occur.
    ids: HashMap<String, usize>,
    /// Ids of tool calls likewise.
    calls: HashMap<String, usize>,
    secrets: &'a Secrets,
}

fn numbered(seen: &mut HashMap<String, usize>, id: &str) -> usize {
    let next = seen.len() + 1;
    *seen.entry(id.to_owned()).or_insert(next)
}

impl Canon<'_> {
    fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(values) => values.iter().map(|value| self.value(value)).collect(),
            Value::Object(fields) => {
                let mut kept = Map::new();
                // Sorted here, since whether serde_json does it is decided by any crate of a build.
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by_key(|(name, _)| *name);
                let is_call = fields
                    .iter()
                    .any(|(name, value)| *name == "function" && value["arguments"].is_string());
                for (name, value) in fields {
                    let value = match (name.as_str(), value) {
                        (_, Value::Null) => continue,
                        ("tool_call_id", Value::String(id)) => self.call(id),
                        ("id", Value::String(id)) if is_call => self.call(id),
                        ("arguments", Value::String(text)) => self.arguments(text),
                        (_, value) => self.value(value),
                    };
                    kept.insert(name.clone(), value);
                }
                Value::Object(kept)
            }
            other => other.clone(),
        }
    }

    fn call(&mut self, id: &str) -> Value {
        format!("call_{}", numbered(&mut self.calls, id)).into()
    }

    /// Arguments are JSON in a text; how it was spaced means nothing.
    fn arguments(&mut self, text: &str) -> Value {
        match serde_json::from_str::<Value>(text) {
            Ok(arguments) => self.value(&arguments).to_string().into(),
            Err(_) => self.text(text).into(),
        }
    }

    fn text(&mut self, text: &str) -> String {
        let text = self.secrets.removed(text);
        let Some(words) = &*WORDS else { return text };
        let replaced = words.replace_all(&text, |found: &Captures<'_>| {
            let id = found.name("uuid").map(|id| id.as_str());
            let word = found.name("word").map(|word| word.as_str());
            match id.or(word.filter(|word| is_ulid(word))) {
                Some(id) => format!("<id-{}>", numbered(&mut self.ids, id)),
                None => match word {
                    Some(word) => word.to_owned(),
                    None => "<time>".to_owned(),
                },
            }
        });
        replaced.into_owned()
    }
}

/// 26 characters of Crockford's alphabet, in one case. The first is at most 7, so no word of a language is one.
fn is_ulid(word: &str) -> bool {
    let known = |c: char| c.is_ascii_digit() || !"ILOUilou".contains(c);
    let mixed = word.contains(|c: char| c.is_ascii_lowercase())
        && word.contains(|c: char| c.is_ascii_uppercase());
    word.len() == 26
        && word.starts_with(|c: char| ('0'..='7').contains(&c))
        && word.chars().all(known)
        && !mixed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, prop_oneof};
    use serde_json::json;

    use super::*;

    fn of(request: &Value) -> Value {
        canonical(request, "m", &Secrets::default())
    }

    #[test]
    fn two_runs_of_one_conversation_are_the_same() {
        let run = |id: &str, uuid: &str, call: &str, time: &str, arguments: &str| {
            of(&json!({
                "model": format!("replay/{id}/m"),
                "user": id,
                "seed": id.len(),
                "temperature": null,
                "messages": [
                    { "role": "system", "content": format!("You are agent-{id}. It is {time}.") },
                    { "role": "assistant", "content": null, "tool_calls": [
                        { "id": call, "type": "function", "function": { "name": "add", "arguments": arguments } },
                    ]},
                    { "role": "tool", "tool_call_id": call, "content": format!("{uuid} by agx_{id}") },
                ],
            }))
        };
        let (ulid, uuid) = (
            "01jd2x3y4z5a6b7c8d9e0f1g2h",
            "123e4567-e89b-12d3-a456-426614174000",
        );
        let one = run(
            ulid,
            uuid,
            "call_abc",
            "2026-01-31T10:15:30Z",
            "{\"b\": 2, \"a\": 1}",
        );
        let (ulid, uuid) = (
            "01KD2X3Y4Z5A6B7C8D9E0F1G2H",
            "00000000-e89b-12d3-a456-426614174000",
        );
        let two = run(
            ulid,
            uuid,
            "0",
            "2027-02-01 10:15:30.123+02:00",
            "{\"a\":1,\"b\":2}",
        );
        assert_eq!(one, two);
        assert_eq!(key(&one), key(&two));
        assert_eq!(
            one["messages"][0]["content"],
            "You are agent-<id-1>. It is <time>."
        );
        assert_eq!(one["messages"][2]["content"], "<id-2> by agx_<id-1>");
        assert_eq!(one["messages"][2]["tool_call_id"], "call_1");
    }

    #[test]
    fn what_is_meant_makes_a_difference() {
        let base = json!({
            "messages": [
                { "role": "user", "content": "Add 2 and 3." },
                { "role": "assistant", "tool_calls": [
                    { "id": "a", "function": { "name": "add", "arguments": "{\"x\":1}" } },
                    { "id": "b", "function": { "name": "add", "arguments": "{\"x\":1}" } },
                ]},
                { "role": "tool", "tool_call_id": "a", "content": "5" },
            ],
            "tools": [{ "function": { "name": "add", "description": "adds" } }],
            "stream": true,
        });
        for (place, value) in [
            ("/messages/0/role", json!("system")),
            ("/messages/0/content", json!("Add 2 and 4.")),
            (
                "/messages/1/tool_calls/0/function/arguments",
                json!("{\"x\":2}"),
            ),
            ("/messages/2/tool_call_id", json!("b")),
            ("/tools/0/function/description", json!("Adds")),
            ("/stream", json!(false)),
        ] {
            let mut other = base.clone();
            *other.pointer_mut(place).unwrap() = value;
            assert_ne!(key(&of(&base)), key(&of(&other)), "{place}");
        }
        let other = canonical(&base, "another", &Secrets::default());
        assert_ne!(key(&of(&base)), key(&other));
    }

    #[test]
    fn words_that_are_no_ids_stay() {
        for text in [
            "2026-01-31",                // a day is said, not told by a clock
            "01jd2x3y4z5a6b7c8d9e0f1g2", // too short
            "abcdefghjkmnpqrstvwxyzabcd",
            "x123e4567-e89b-12d3-a456-426614174000",
        ] {
            let request = of(&json!({ "messages": [text] }));
            assert_eq!(request["messages"][0], text);
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            proptest::bool::ANY.prop_map(Value::from),
            (-99_i64..99).prop_map(Value::from),
            proptest::num::f64::NORMAL.prop_map(Value::from),
            r#"[a-z{}\[\]":, 0-9]{0,12}"#.prop_map(Value::from),
            Just(json!("01jd2x3y4z5a6b7c8d9e0f1g2h at 2026-01-31T10:15:30Z")),
        ];
        let name = prop_oneof![
            Just("id".to_owned()),
            Just("tool_call_id".to_owned()),
            Just("arguments".to_owned()),
            "[a-z]{1,4}",
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((name.clone(), inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest::proptest! {
        /// What is canonical stays as it is: recording what was replayed is the same file.
        #[test]
        fn the_canonical_form_is_its_own(request in any_json()) {
            let request = json!({ "messages": request });
            let once = of(&request);
            assert_eq!(of(&once), once);
            // And it is the same when it is written and read.
            assert_eq!(read(once.to_string().as_bytes()).unwrap(), once);
        }
    }
}
