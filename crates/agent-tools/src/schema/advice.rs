//! What only narrows a value. Some providers do not know its patterns, or make a grammar that they then refuse, of patterns
//! as of large numbers of repetitions: a request is lost with all its tools. The server checks what it is called with, so
//! the model is told in words.

use serde_json::{Map, Value, json};

/// Items of a list that a grammar counts: llama.cpp takes 2000 repetitions, times the rules of an item.
const MOST_ITEMS: u64 = 20;

/// Tells in the description of a schema, without those below it, what is left out of it.
pub(super) fn tell(schema: &mut Map<String, Value>) {
    let mut told = conditions(schema);
    if let Some(Value::String(pattern)) = schema.remove("pattern") {
        told.push(format!("matches `{pattern}`"));
    }
    for (least, most, what) in [
        ("minLength", "maxLength", "character"),
        ("minItems", "maxItems", "item"),
    ] {
        told.extend(span(taken(schema, least), taken(schema, most), what));
    }
    told.extend(names(schema));
    if told.is_empty() {
        return;
    }
    let told = told.join(", ");
    let said = schema.get("description").and_then(Value::as_str);
    let told = match said.filter(|said| !said.is_empty()) {
        Some(said) => format!("{said} ({told})"),
        None => told,
    };
    schema.insert("description".to_owned(), told.into());
}

/// Whether a keyword is left out and told.
fn is_advice(word: &str, value: &Value) -> bool {
    match word {
        "pattern" | "patternProperties" | "minLength" | "maxLength" => true,
        "minItems" | "maxItems" => value.as_u64().is_some_and(|items| items > MOST_ITEMS),
        _ => false,
    }
}

/// Takes a number out of a schema.
fn taken(schema: &mut Map<String, Value>, word: &str) -> Option<u64> {
    let value = schema.get(word)?;
    let number = value.as_u64().filter(|_| is_advice(word, value))?;
    schema.remove(word);
    Some(number)
}

/// From how many to how many there may be.
fn span(least: Option<u64>, most: Option<u64>, what: &str) -> Option<String> {
    let many = |count: u64| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    match (least.filter(|least| *least > 0), most) {
        (None, None) => None,
        (Some(least), None) => Some(format!("at least {}", many(least))),
        (None, Some(most)) => Some(format!("at most {}", many(most))),
        (Some(least), Some(most)) if least == most => Some(format!("exactly {}", many(most))),
        (Some(least), Some(most)) => Some(format!("{least} to {}", many(most))),
    }
}

/// Takes out which names there may be. What such a name stands for is then said of every other one.
fn names(schema: &mut Map<String, Value>) -> Option<String> {
    let Some(Value::Object(patterns)) = schema.remove("patternProperties") else {
        return None;
    };
    if patterns.is_empty() {
        return None;
    }
    let told: Vec<String> = patterns.keys().map(|name| format!("`{name}`")).collect();
    let values = patterns.into_values();
    let mut values: Vec<Value> = values.filter(Value::is_object).collect();
    let more = schema.get("additionalProperties");
    if more.is_none_or(|more| *more == Value::Bool(false)) {
        // With `false` in its place no name would be left.
        schema.remove("additionalProperties");
        let more = match values.len() {
            0 | 1 => values.pop(),
            _ => Some(json!({ "anyOf": values })),
        };
        schema.extend(more.map(|more| ("additionalProperties".to_owned(), more)));
    }
    Some(format!("names match {}", told.join(" or ")))
}

/// Takes out conditions with advice in them: without it they would hold for more, and forbid what the server takes.
fn conditions(schema: &mut Map<String, Value>) -> Vec<String> {
    let mut told = Vec::new();
    for (condition, words) in [("not", &["not"][..]), ("if", &["if", "then", "else"][..])] {
        if schema.get(condition).is_some_and(advises) {
            for word in words {
                let taken = schema.remove(*word);
                told.extend(taken.map(|schema| format!("{word} `{schema}`")));
            }
        }
    }
    told
}

/// Whether there is advice in a schema or below it.
fn advises(schema: &Value) -> bool {
    match schema {
        Value::Object(all) => all
            .iter()
            .any(|(word, value)| is_advice(word, value) || advises(value)),
        Value::Array(all) => all.iter().any(advises),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::fit;

    /// What becomes of the schema of a property.
    fn property(schema: Value) -> Value {
        let whole = json!({"properties": {"x": schema}});
        let fitted = fit(whole.as_object().cloned().unwrap_or_default());
        fitted["properties"]["x"].clone()
    }

    /// The description of a property with these keywords, of which nothing else is left.
    fn told(schema: Value) -> String {
        let fitted = property(schema);
        let left: Vec<&String> = fitted.as_object().unwrap().keys().collect();
        assert_eq!(left, ["description"], "{fitted}");
        fitted["description"].as_str().unwrap().to_owned()
    }

    #[test]
    fn advice_is_told_in_words() {
        for (schema, words) in [
            (json!({"pattern": "^(?!-)a$"}), "matches `^(?!-)a$`"),
            (json!({"maxLength": 10_000}), "at most 10000 characters"),
            (json!({"minLength": 1}), "at least 1 character"),
            (
                json!({"minLength": 0, "maxLength": 1}),
                "at most 1 character",
            ),
            (json!({"minLength": 2, "maxLength": 9}), "2 to 9 characters"),
            (
                json!({"minLength": 3, "maxLength": 3}),
                "exactly 3 characters",
            ),
            (
                json!({"description": "A name.", "pattern": "a", "maxLength": 5}),
                "A name. (matches `a`, at most 5 characters)",
            ),
            (json!({"description": "", "pattern": "a"}), "matches `a`"),
        ] {
            assert_eq!(told(schema), words);
        }
        assert_eq!(property(json!({"minLength": 0})), json!({}));
    }

    #[test]
    fn numbers_of_items_are_told_where_they_are_large() {
        let array = |keywords: Value| {
            let mut array = json!({"type": "array", "items": {}});
            let keywords = keywords.as_object().unwrap().clone();
            array.as_object_mut().unwrap().extend(keywords);
            array
        };
        let small = array(json!({"minItems": 1, "maxItems": MOST_ITEMS}));
        assert_eq!(property(small.clone()), small);
        assert_eq!(
            property(array(json!({"minItems": 1, "maxItems": MOST_ITEMS + 1}))),
            array(json!({"minItems": 1, "description": "at most 21 items"}))
        );
        assert_eq!(
            property(array(json!({"minItems": 200, "maxItems": 300}))),
            array(json!({"description": "200 to 300 items"}))
        );
    }

    #[test]
    fn names_by_a_pattern_are_other_names() {
        let number = json!({"type": "number"});
        let text = json!({"type": "string", "pattern": "a"});
        let told_text = json!({"type": "string", "description": "matches `a`"});
        for (schema, fitted) in [
            (
                json!({"patternProperties": {"^x": number}, "additionalProperties": false}),
                json!({"description": "names match `^x`", "additionalProperties": number}),
            ),
            (
                json!({"patternProperties": {"^x": text, "^y": number}}),
                json!({
                    "description": "names match `^x` or `^y`",
                    "additionalProperties": {"anyOf": [told_text, number]},
                }),
            ),
            (
                json!({"patternProperties": {"^x": text}, "additionalProperties": true}),
                json!({"description": "names match `^x`", "additionalProperties": true}),
            ),
            (
                json!({"patternProperties": {"^x": true}, "additionalProperties": false}),
                json!({"description": "names match `^x`"}),
            ),
            (
                json!({"patternProperties": {}, "additionalProperties": false}),
                json!({"additionalProperties": false}),
            ),
        ] {
            assert_eq!(property(schema.clone()), fitted, "{schema}");
        }
    }

    #[test]
    fn a_condition_with_advice_is_told_whole() {
        assert_eq!(
            told(json!({"not": {"properties": {"a": {"pattern": "b"}}}})),
            r#"not `{"properties":{"a":{"pattern":"b"}}}`"#
        );
        assert_eq!(
            told(json!({"if": {"minLength": 2}, "then": {"enum": ["ab"]}})),
            r#"if `{"minLength":2}`, then `{"enum":["ab"]}`"#
        );
        let plain = json!({"not": {"type": "null"}, "if": {"type": "array", "items": {}, "maxItems": 3}, "then": {}});
        assert_eq!(property(plain.clone()), plain);
    }

    #[test]
    fn it_is_told_at_any_depth() {
        let at = |leaf: &Value| {
            json!({
                "type": "object",
                "properties": {"one": leaf, "pattern": {"anyOf": [leaf, {"oneOf": [leaf]}, {"allOf": [leaf]}]}},
                "additionalProperties": {"type": "array", "items": leaf, "prefixItems": [leaf], "contains": leaf},
                "propertyNames": leaf,
                "dependentSchemas": {"one": leaf},
                "dependencies": {"one": leaf, "two": ["one"]},
                "unevaluatedProperties": leaf,
                "then": leaf,
                "else": leaf,
                "$defs": {"self": {"properties": {"again": {"$ref": "#/properties/x/$defs/self"}, "leaf": leaf}}},
            })
        };
        let told = at(&json!({"type": "string", "description": "matches `(?=a)`"}));
        assert_eq!(
            property(at(&json!({"type": "string", "pattern": "(?=a)"}))),
            told
        );
    }
}
