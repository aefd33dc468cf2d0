//! References inside of a schema: put in their places, since not every provider follows them.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

/// A schema grows by what is put in place of its references to so many nodes at most; then it keeps them.
const MOST_NODES: usize = 4096;

/// References that lead to references, one in the other.
const DEEPEST: usize = 32;

/// With what its references mean in their places. One that leads nowhere in the schema means anything. A schema that
/// refers to itself, or that would grow too large, keeps its references.
pub(super) fn resolved(schema: Map<String, Value>) -> Map<String, Value> {
    let mut top = schema.clone();
    let root = Value::Object(schema);
    // The whole may be a reference to one of its parts.
    if let Some(Value::String(to)) = top.remove("$ref")
        && let Some(Value::Object(part)) = found(&root, &to)
    {
        for (key, value) in part.iter().filter(|(key, _)| *key != "$ref") {
            top.entry(key).or_insert_with(|| value.clone());
        }
    }
    let mut without = top.clone();
    without.remove("$defs");
    without.remove("definitions");
    let walk = |inline, left| Walk {
        root: &root,
        inline,
        left,
        open: Vec::new(),
    };
    let inlined = walk(true, MOST_NODES).object(&without);
    let kept = || walk(false, usize::MAX).object(&top);
    inlined.or_else(kept).unwrap_or_default() // without inlining nothing stops it
}

/// What a reference leads to.
fn found<'a>(root: &'a Value, to: &str) -> Option<&'a Value> {
    let written = to.strip_prefix('#')?;
    // A pointer in a URL's fragment; not everybody writes it as one.
    let pointer = percent_decode_str(written).decode_utf8_lossy();
    root.pointer(&pointer).or_else(|| root.pointer(written))
}

struct Walk<'a> {
    root: &'a Value,
    inline: bool,
    left: usize,
    /// The references that are being followed.
    open: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    /// None if the references have to stay.
    fn value(&mut self, value: &'a Value) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        match value {
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(map) => match map.get("$ref") {
                Some(Value::String(to)) => self.reference(map, to),
                _ => self.object(map).map(Value::Object),
            },
            plain => Some(plain.clone()),
        }
    }

    fn object(&mut self, map: &'a Map<String, Value>) -> Option<Map<String, Value>> {
        let of = |(key, value): (&String, &'a Value)| Some((key.clone(), self.value(value)?));
        map.iter().map(of).collect()
    }

    fn reference(&mut self, map: &'a Map<String, Value>, to: &'a str) -> Option<Value> {
        let found = found(self.root, to);
        if !self.inline {
            let mut kept = self.object(map)?;
            if found.is_none() {
                kept.remove("$ref");
            }
            return Some(Value::Object(kept));
        }
        if self.open.contains(&to) || self.open.len() > DEEPEST {
            return None;
        }
        let mut whole = match found {
            Some(found) => {
                self.open.push(to);
                let value = self.value(found);
                self.open.pop();
                value?
            }
            None => json!({}),
        };
        // What stands beside a reference is about this place.
        let mut beside = self.object(map)?;
        beside.remove("$ref");
        match &mut whole {
            Value::Object(whole) => whole.extend(beside),
            other => *other = Value::Object(beside),
        }
        Some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_decoded_as_the_part_of_an_address_that_it_is() {
        let definitions =
            json!({"A<B>": {"type": "a"}, "50%25": {"type": "b"}, "c/d": {"type": "c"}});
        let root = json!({"definitions": definitions, "$defs": {"é": {"type": "e"}}});
        for (to, kind) in [
            ("#/definitions/A%3CB%3E", Some("a")),
            ("#/definitions/A%3cB>", Some("a")),
            ("#/definitions/A<B>", Some("a")),
            ("#/definitions/50%25", Some("b")),
            ("#/definitions/50%2525", Some("b")),
            ("#/definitions/c~1d", Some("c")),
            ("#/definitions/c%7E1d", Some("c")),
            ("#/%24defs/%C3%A9", Some("e")),
            ("#/definitions/A%3CB%3", None),
            ("/definitions/A<B>", None),
        ] {
            let found = found(&root, to).and_then(|found| found["type"].as_str());
            assert_eq!(found, kind, "{to}");
        }
    }

    #[test]
    fn so_many_nodes_are_put_in_place_and_no_more() {
        let keeps = |values: usize| {
            let schema =
                json!({"not": {"$ref": "#/$defs/d"}, "enum": vec![1; values], "$defs": {"d": {}}});
            let Value::Object(schema) = schema else {
                return None;
            };
            Some(resolved(schema)["not"].get("$ref").is_some())
        };
        // The list itself, the reference, its text and what it means.
        assert_eq!(keeps(MOST_NODES - 4), Some(false));
        assert_eq!(keeps(MOST_NODES - 3), Some(true));
    }
}
