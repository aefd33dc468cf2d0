//! Names of arguments. One that a provider does not take (`StartTime>`, `filter[]`) loses a request with all its tools, so
//! the model is told another, and what it calls with is named as the server knows it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::fitted_name::{free, plain};

const VARIANTS: [&str; 3] = ["anyOf", "oneOf", "allOf"];

/// A fitted schema as the model is told of it; `None` where that is the same.
pub(crate) fn offered(schema: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mut offered = schema.clone();
    rename(&mut offered);
    (offered != *schema).then_some(offered)
}

fn rename(schema: &mut Map<String, Value>) {
    let names = renamed(schema);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.values_mut().for_each(rename_below);
        for (from, to) in &names {
            if let Some(mut property) = properties.remove(from) {
                tell(&mut property, from);
                properties.insert(to.clone(), property);
            }
        }
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        for name in required {
            if let Some((_, to)) = names.iter().find(|(from, _)| name == from) {
                *name = to.as_str().into();
            }
        }
    }
    for word in VARIANTS {
        if let Some(Value::Array(variants)) = schema.get_mut(word) {
            variants.iter_mut().for_each(rename_below);
        }
    }
    for word in ["items", "additionalProperties"] {
        if let Some(below) = schema.get_mut(word) {
            rename_below(below);
        }
    }
}

fn rename_below(schema: &mut Value) {
    if let Value::Object(schema) = schema {
        rename(schema);
    }
}

/// The server's words may name it as the server does.
fn tell(property: &mut Value, name: &str) {
    let Value::Object(property) = property else {
        return;
    };
    let said = property.get("description").and_then(Value::as_str);
    let told = said.map_or_else(|| format!("`{name}`"), |said| format!("`{name}`: {said}"));
    property.insert("description".to_owned(), told.into());
}

/// The properties of a schema that are called otherwise, and how. What is taken as it is keeps its name.
fn renamed(schema: &Map<String, Value>) -> Vec<(String, String)> {
    let Some(Value::Object(properties)) = schema.get("properties") else {
        return Vec::new();
    };
    let fitted = |name: &str| plain(name, ".");
    let (kept, odd): (Vec<&String>, Vec<&String>) =
        properties.keys().partition(|name| fitted(name) == **name);
    let mut taken: BTreeSet<String> = kept.into_iter().cloned().collect();
    let rename = |name: &String| {
        let to = free(&fitted(name), &taken);
        taken.insert(to.clone());
        (name.clone(), to)
    };
    odd.into_iter().map(rename).collect()
}

/// Arguments by the names of the fitted schema.
pub(crate) fn restored(schema: &Map<String, Value>, arguments: &mut Map<String, Value>) {
    for (name, told) in renamed(schema) {
        // Whoever read the description may have written the name itself.
        if let (Some(value), false) = (arguments.remove(&told), arguments.contains_key(&name)) {
            arguments.insert(name, value);
        }
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let more = schema.get("additionalProperties");
    for (name, value) in arguments.iter_mut() {
        if let Some(below) = properties.and_then(|all| all.get(name)).or(more) {
            restored_below(below, value);
        }
    }
    for variant in variants(schema) {
        restored(variant, arguments);
    }
}

fn restored_below(schema: &Value, value: &mut Value) {
    let Value::Object(schema) = schema else {
        return;
    };
    match value {
        Value::Object(arguments) => restored(schema, arguments),
        Value::Array(items) => restored_items(schema, items),
        _ => {}
    }
}

fn restored_items(schema: &Map<String, Value>, items: &mut [Value]) {
    if let Some(below) = schema.get("items") {
        for item in items.iter_mut() {
            restored_below(below, item);
        }
    }
    for variant in variants(schema) {
        restored_items(variant, items);
    }
}

fn variants(schema: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    let lists = VARIANTS
        .into_iter()
        .filter_map(|word| schema.get(word)?.as_array());
    lists.flatten().filter_map(Value::as_object)
}

#[cfg(test)]
mod tests;
