//! Holds a tree against a [`Shape`] and turns it into proto3 JSON.

use serde_json::{Map, Value as Json};

use super::{
    node::{Key, Node, Value},
    problem::{Place, Report},
    schema::{Field, Shape, camel},
};

/// The JSON of `node`, without what is wrong; all of that is reported.
pub(super) fn to_json(node: &Node, shape: &Shape, report: &mut Report<'_>) -> Option<Json> {
    match (shape, &node.value) {
        (Shape::Fields(fields), Value::Map(entries)) => {
            return Some(fields_to_json(node.at, entries, fields, report));
        }
        (Shape::Map(inner), Value::Map(entries)) => {
            let pairs = entries.iter().filter_map(|(key, node)| {
                let json = to_json(node, inner, report)?;
                Some((key.text.clone(), json))
            });
            return Some(Json::Object(pairs.collect()));
        }
        (Shape::List(inner), Value::List(items)) => {
            let items = items.iter().map(|item| {
                // A stand-in keeps the indices of the others what they are in the file.
                to_json(item, inner, report).unwrap_or_else(|| nothing(inner))
            });
            return Some(Json::Array(items.collect()));
        }
        (Shape::Text, Value::Scalar { text, .. }) if !node.is_null() => {
            return Some(Json::String(text.clone()));
        }
        (Shape::Word(words), Value::Scalar { text, .. }) if words.contains(&text.as_str()) => {
            return Some(Json::String(text.clone()));
        }
        (Shape::Bool, Value::Scalar { text, plain: true }) => match text.as_str() {
            "true" | "True" | "TRUE" => return Some(Json::Bool(true)),
            "false" | "False" | "FALSE" => return Some(Json::Bool(false)),
            _ => {}
        },
        (Shape::Int, Value::Scalar { text, plain: true }) => {
            if let Ok(number) = text.parse::<i32>() {
                return Some(number.into());
            }
        }
        _ => {}
    }
    report.add(node.at, wrong_type(node, shape));
    None
}

fn nothing(shape: &Shape) -> Json {
    match shape {
        Shape::Text | Shape::Word(_) => Json::String(String::new()),
        Shape::Bool => Json::Bool(false),
        Shape::Int => 0.into(),
        Shape::List(_) => Json::Array(Vec::new()),
        Shape::Map(_) | Shape::Fields(_) => Json::Object(Map::new()),
    }
}

fn wrong_type(node: &Node, shape: &Shape) -> String {
    let given = match (&node.value, shape) {
        // Anywhere else a secret may stand in the wrong place, and this ends up in logs.
        (Value::Scalar { text, .. }, Shape::Int | Shape::Word(_)) if !node.is_null() => {
            format!("`{}`", text.chars().take(40).collect::<String>())
        }
        _ => node.describe().to_owned(),
    };
    format!("must be {}, this is {given}", expected(shape))
}

fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Text => "a text".to_owned(),
        Shape::Bool => "true or false".to_owned(),
        Shape::Int => "a whole number".to_owned(),
        Shape::Word(words) => words.join(" or "),
        Shape::List(_) => "a list".to_owned(),
        Shape::Map(_) => "a mapping".to_owned(),
        Shape::Fields(fields) => format!("a mapping with the keys {}", names(fields)),
    }
}

fn names(fields: &[Field]) -> String {
    let names: Vec<String> = fields.iter().map(|f| camel(f.name)).collect();
    names.join(", ")
}

fn fields_to_json(
    at: Place,
    entries: &[(Key, Node)],
    fields: &[Field],
    report: &mut Report<'_>,
) -> Json {
    let mut json = Map::new();
    let mut seen: Vec<&str> = Vec::new();
    for (key, node) in entries {
        let Some(field) = fields.iter().find(|f| is_named(key, f.name)) else {
            let known = names(fields);
            let name = match node.is_null() {
                // `{hunter2}` is a key without a value, and may be a secret in the wrong place.
                true => "a key without a value".to_owned(),
                false => format!("unknown key `{}`", key.text),
            };
            report.add(key.at, format!("{name}; known here: {known}"));
            continue;
        };
        if seen.contains(&field.name) {
            report.add(
                key.at,
                format!("`{}` is given twice, in two spellings", key.text),
            );
            continue;
        }
        seen.push(field.name);
        if node.is_null() {
            if field.required {
                report.add(node.at, format!("`{}` must not be empty", key.text));
            }
        } else if let Some(value) = to_json(node, field.shape, report) {
            json.insert(field.name.to_owned(), value);
        }
    }
    for field in fields.iter().filter(|f| f.required) {
        if !seen.contains(&field.name) {
            report.add(at, format!("missing key `{}`", camel(field.name)));
        }
    }
    Json::Object(json)
}

fn is_named(key: &Key, name: &str) -> bool {
    key.text == name || key.text == camel(name)
}

/// The node of a proto path like `spec.mcp_servers[0].name`, or the deepest node on the way to it.
pub(super) fn locate<'a>(root: &'a Node, path: &str) -> (&'a Node, bool) {
    let mut node = root;
    for step in path.split(['.', '[']).map(|s| s.trim_end_matches(']')) {
        let next = match &node.value {
            Value::Map(entries) => entries
                .iter()
                .find_map(|(k, v)| is_named(k, step).then_some(v)),
            Value::List(items) => step.parse().ok().and_then(|i: usize| items.get(i)),
            Value::Scalar { .. } => None,
        };
        match next {
            Some(next) => node = next,
            None => return (node, false),
        }
    }
    (node, true)
}
