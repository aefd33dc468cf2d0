//! The keywords of one schema, without those below it: what is none, or of no known kind, is mended or left out.

use serde_json::{Map, Value, json};

/// What the value of a keyword is.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    /// A whole number, none below 0.
    Count,
    Truth,
    List,
    Object,
    /// An object or a truth.
    Schema,
}

/// The keywords whose values are of one kind and are not mended otherwise. Of another kind they lose a request with all its
/// tools, and left out they lose a word to the model.
const KINDS: &[(&str, Kind)] = &[
    ("$anchor", Kind::Text),
    ("$comment", Kind::Text),
    ("$defs", Kind::Object),
    ("$id", Kind::Text),
    ("$ref", Kind::Text),
    ("$schema", Kind::Text),
    ("additionalItems", Kind::Schema),
    ("additionalProperties", Kind::Schema),
    ("contains", Kind::Schema),
    ("contentEncoding", Kind::Text),
    ("contentMediaType", Kind::Text),
    ("definitions", Kind::Object),
    ("dependencies", Kind::Object),
    ("dependentRequired", Kind::Object),
    ("dependentSchemas", Kind::Object),
    ("deprecated", Kind::Truth),
    ("else", Kind::Schema),
    ("examples", Kind::List),
    ("exclusiveMaximum", Kind::Number),
    ("exclusiveMinimum", Kind::Number),
    ("format", Kind::Text),
    ("if", Kind::Schema),
    ("maxContains", Kind::Count),
    ("maxItems", Kind::Count),
    ("maxLength", Kind::Count),
    ("maxProperties", Kind::Count),
    ("maximum", Kind::Number),
    ("minContains", Kind::Count),
    ("minItems", Kind::Count),
    ("minLength", Kind::Count),
    ("minProperties", Kind::Count),
    ("minimum", Kind::Number),
    ("multipleOf", Kind::Number),
    ("not", Kind::Object),
    ("nullable", Kind::Truth),
    ("pattern", Kind::Text),
    ("patternProperties", Kind::Object),
    ("propertyNames", Kind::Schema),
    ("readOnly", Kind::Truth),
    ("then", Kind::Schema),
    ("unevaluatedItems", Kind::Schema),
    ("unevaluatedProperties", Kind::Schema),
    ("uniqueItems", Kind::Truth),
    ("writeOnly", Kind::Truth),
];

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
    exclusive(schema, "exclusiveMinimum", "minimum");
    exclusive(schema, "exclusiveMaximum", "maximum");
    schema.retain(|key, value| {
        let known = KINDS.iter().find(|(word, _)| word == key);
        known.is_none_or(|(_, kind)| kind.has(value))
    });
}

impl Kind {
    fn has(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Number => value.is_number(),
            Self::Count => value.is_u64(),
            Self::Truth => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Object => value.is_object(),
            Self::Schema => value.is_object() || value.is_boolean(),
        }
    }
}

/// In draft 4 a limit had beside it whether it is beyond what may be.
fn exclusive(schema: &mut Map<String, Value>, word: &str, limit: &str) {
    if schema.get(word) != Some(&Value::Bool(true)) {
        return;
    }
    if let Some(value @ Value::Number(_)) = schema.remove(limit) {
        schema.insert(word.to_owned(), value);
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
