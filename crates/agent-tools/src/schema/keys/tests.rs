use serde_json::json;

use super::*;
use crate::schema::fit;

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("no object: {other}"),
    }
}

/// What the model is told of a schema, and what the server gets of what it calls with.
fn both(schema: Value, arguments: Value) -> (Value, Value) {
    let fitted = fit(map(schema));
    let told = offered(&fitted).unwrap_or_else(|| fitted.clone());
    let mut arguments = map(arguments);
    restored(&fitted, &mut arguments);
    (told.into(), arguments.into())
}

#[test]
fn names_that_are_taken_stay() {
    let schema =
        json!({"type": "object", "required": ["a"], "properties": {"a": {}, "b.c-D_9": {}}});
    assert_eq!(offered(&fit(map(schema))), None);
}

#[test]
fn another_name_is_told_and_the_server_gets_its_own() {
    let text = json!({"type": "string"});
    let schema = json!({
        "required": ["Time<", "plain"],
        "properties": {
            "Time<": {"type": "string", "description": "Before."}, "Time>": text, "Time_": text,
            "plain": text, "": text, "größe": text, &"x".repeat(70): text,
        },
    });
    let (told, got) = both(
        schema,
        json!({"Time__2": 1, "Time__3": 2, "Time_": 3, "_": 4, "gr__e": 5, &"x".repeat(64): 6, "new": 7}),
    );
    let names: Vec<&String> = told["properties"].as_object().unwrap().keys().collect();
    let longest = "x".repeat(64);
    for name in [
        "Time__2", "Time__3", "Time_", "plain", "_", "gr__e", &longest,
    ] {
        assert!(names.iter().any(|n| *n == name), "{name}: {names:?}");
    }
    assert_eq!(names.len(), 7);
    assert_eq!(told["required"], json!(["Time__2", "plain"]));
    assert_eq!(
        told["properties"]["Time__2"]["description"],
        "`Time<`: Before."
    );
    assert_eq!(told["properties"]["Time__3"]["description"], "`Time>`");
    assert_eq!(
        got,
        json!({"Time<": 1, "Time>": 2, "Time_": 3, "": 4, "größe": 5, &"x".repeat(70): 6, "new": 7})
    );
}

#[test]
fn a_name_that_was_read_in_the_description_is_right_too() {
    let schema = json!({"properties": {"a b": {}}});
    assert_eq!(both(schema.clone(), json!({"a b": 1})).1, json!({"a b": 1}));
    assert_eq!(
        both(schema, json!({"a b": 1, "a_b": 2})).1,
        json!({"a b": 1})
    );
}

#[test]
fn names_below_are_told_and_restored_too() {
    let odd = json!({"type": "object", "properties": {"a b": {"type": "string"}}});
    let schema = json!({"properties": {
        "one": odd,
        "many": {"type": "array", "items": odd},
        "either": {"anyOf": [{"type": "string"}, odd]},
        "lists": {"anyOf": [{"type": "array", "items": odd}]},
        "named": {"type": "object", "additionalProperties": odd},
        "a b": odd,
    }});
    let (told, got) = both(
        schema,
        json!({
            "one": {"a_b": 1}, "many": [{"a_b": 2}, 3], "either": {"a_b": 4}, "lists": [{"a_b": 5}],
            "named": {"x": {"a_b": 6}}, "a_b": {"a_b": 7},
        }),
    );
    assert!(!told.to_string().contains("\"a b\":"), "{told}");
    assert_eq!(
        got,
        json!({
            "one": {"a b": 1}, "many": [{"a b": 2}, 3], "either": {"a b": 4}, "lists": [{"a b": 5}],
            "named": {"x": {"a b": 6}}, "a b": {"a b": 7},
        })
    );
}
