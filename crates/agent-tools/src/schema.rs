//! Schemas of arguments, so that providers of models take them: one that does not fit loses a request with all its tools.

mod advice;
pub(crate) mod keys;
mod keywords;
mod refs;

use serde_json::{Map, Value, json};

/// Deeper schemas are not looked into; JSON of a server is not nested deeper than 128.
const DEEPEST: usize = 64;

/// Keywords of which each has a schema, or a truth.
const MORE: [&str; 10] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "else",
    "if",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// The same arguments, written as all providers take them: an object with `properties`.
pub(crate) fn fit(schema: Map<String, Value>) -> Map<String, Value> {
    let mut schema = refs::resolved(schema);
    merge_variants(&mut schema);
    // A dialect's name says nothing to a model, and some providers know no such key.
    schema.remove("$schema");
    // As variants, providers refuse it of the whole; the server checks what it is called with.
    schema.remove("not");
    schema.insert("type".to_owned(), json!("object"));
    mend(&mut schema, DEEPEST);
    schema.entry("properties").or_insert_with(|| json!({}));
    schema
}

/// Variants of the whole object are refused by providers: all that they know becomes one object, and what every one of
/// `allOf` requires is required.
fn merge_variants(schema: &mut Map<String, Value>) {
    for (word, all) in [("allOf", true), ("anyOf", false), ("oneOf", false)] {
        let Some(Value::Array(variants)) = schema.remove(word) else {
            continue;
        };
        for variant in variants {
            let Value::Object(mut variant) = variant else {
                continue;
            };
            merge_variants(&mut variant);
            if let Some(Value::Object(more)) = variant.remove("properties") {
                let properties = object(schema, "properties");
                for (name, property) in more {
                    properties.entry(name).or_insert(property);
                }
            }
            if let (true, Some(Value::Array(more))) = (all, variant.remove("required")) {
                match schema.entry("required").or_insert_with(|| json!([])) {
                    Value::Array(required) => required.extend(more),
                    other => *other = Value::Array(more),
                }
            }
        }
    }
}

/// The object of this name, made one if it is none: PHP writes an empty one as `[]`.
fn object<'a>(of: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let value = of.entry(name).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("it was made one"),
    }
}

/// Mends what is no schema, here and below.
fn mend(schema: &mut Map<String, Value>, depth: usize) {
    if depth == 0 {
        return;
    }
    keywords::mend(schema);
    advice::tell(schema);
    if is_type(schema, "array") {
        // Providers refuse an array of they do not know what.
        let items = schema.entry("items").or_insert_with(|| json!({}));
        if !items.is_object() {
            *items = match items.take() {
                // A tuple, as older dialects write it.
                Value::Array(items) if !items.is_empty() => json!({"anyOf": items}),
                _ => json!({}),
            };
        }
    }
    if schema.contains_key("properties") {
        object(schema, "properties");
    }
    mend_required(schema);
    for word in ["properties", "$defs", "definitions"] {
        if let Some(Value::Object(schemas)) = schema.get_mut(word) {
            schemas.values_mut().for_each(|schema| below(schema, depth));
        }
    }
    for word in ["anyOf", "oneOf", "allOf", "prefixItems"] {
        if let Some(Value::Array(schemas)) = schema.get_mut(word) {
            schemas.iter_mut().for_each(|schema| below(schema, depth));
        }
    }
    if let Some(schema) = schema.get_mut("items") {
        below(schema, depth);
    }
    // What is no object here is another thing than a schema.
    for word in ["dependentSchemas", "dependencies"] {
        if let Some(Value::Object(schemas)) = schema.get_mut(word) {
            let schemas = schemas.values_mut().filter(|schema| schema.is_object());
            schemas.for_each(|schema| below(schema, depth));
        }
    }
    for word in MORE {
        if let Some(schema @ Value::Object(_)) = schema.get_mut(word) {
            below(schema, depth);
        }
    }
}

/// A schema inside of another: anything, where it is none.
fn below(schema: &mut Value, depth: usize) {
    match schema {
        Value::Object(schema) => mend(schema, depth - 1),
        other => *other = json!({}),
    }
}

/// Names that are there: every required one is a property, and none is required by an empty list.
fn mend_required(schema: &mut Map<String, Value>) {
    let Some(required) = schema.remove("required") else {
        return;
    };
    let mut names: Vec<Value> = match required {
        Value::Array(names) => names.into_iter().filter(Value::is_string).collect(),
        _ => return, // draft 3 wrote `required: true` into the property
    };
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.to_string()));
    if names.is_empty() {
        return;
    }
    let properties = object(schema, "properties");
    for name in names.iter().filter_map(Value::as_str) {
        properties.entry(name).or_insert_with(|| json!({}));
    }
    schema.insert("required".to_owned(), Value::Array(names));
}

fn is_type(schema: &Map<String, Value>, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(is)) => is == name,
        Some(Value::Array(are)) => are.iter().any(|is| is == name),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
