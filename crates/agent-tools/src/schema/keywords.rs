//! The keywords of one schema, without those below it: what is none, or of no known kind, is mended or left out.

use serde_json::{Map, Value, json};

/// Makes the keywords of a schema such that providers take them. Nothing is refused: a keyword that says nothing is as
/// good as none.
pub(super) fn mend(schema: &mut Map<String, Value>) {
    // Serializers that write what is not set; only as a constant null is a value.
    schema.retain(|key, value| !value.is_null() || key == "const");
    for word in ["description", "title"] {
        if let Some(text) = schema.get_mut(word).filter(|text| !text.is_string()) {
            *text = Value::String(text.to_string());
        }
    }
    if let Some(given) = schema.remove("type")
        && let Some(known) = types(given)
    {
        schema.insert("type".to_owned(), known);
    }
    list(schema, "enum", |one| match one {
        Value::Object(_) => None,
        value => Some(vec![value]),
    });
    for word in ["anyOf", "oneOf", "allOf", "prefixItems"] {
        list(schema, word, |one| one.is_object().then(|| vec![one]));
    }
    let more = schema.get("additionalProperties");
    if more.is_some_and(|more| !more.is_object() && !more.is_boolean()) {
        schema.remove("additionalProperties");
    }
}

/// Lets a keyword be a list with something in it, also of the one value that it is; otherwise it is left out.
fn list(schema: &mut Map<String, Value>, word: &str, of: impl Fn(Value) -> Option<Vec<Value>>) {
    let all = match schema.remove(word) {
        None => return,
        Some(Value::Array(all)) => Some(all),
        Some(one) => of(one),
    };
    if let Some(all) = all.filter(|all| !all.is_empty()) {
        schema.insert(word.to_owned(), Value::Array(all));
    }
}

/// The type, or the types, that are known; none if no one is.
fn types(given: Value) -> Option<Value> {
    let Value::Array(given) = given else {
        return Some(json!(known(&given)?));
    };
    let mut all = Vec::new();
    for name in given.iter().filter_map(known) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    (!all.is_empty()).then(|| json!(all))
}

/// A type by its name, or by the name that programming languages have for it.
fn known(name: &Value) -> Option<&'static str> {
    Some(match name.as_str()?.to_ascii_lowercase().as_str() {
        "string" | "str" | "text" => "string",
        "integer" | "int" | "long" => "integer",
        "number" | "float" | "double" | "decimal" => "number",
        "boolean" | "bool" => "boolean",
        "object" | "dict" | "map" => "object",
        "array" | "list" | "tuple" | "set" => "array",
        "null" | "none" | "nonetype" => "null",
        _ => return None, // as `any`
    })
}

#[cfg(test)]
mod tests;
