//! By way of the whole schema, as tools have it.

use super::*;
use crate::schema::fit;

fn fitted(schema: Value) -> Value {
    match schema {
        Value::Object(schema) => Value::Object(fit(schema)),
        _ => panic!("no object"),
    }
}

/// What becomes of the schema of a property.
fn property(schema: Value) -> Value {
    fitted(json!({"properties": {"x": schema}}))["properties"]["x"].clone()
}

#[test]
fn keywords_that_say_nothing_are_left_out() {
    let unset = json!({
        "enum": null, "description": null, "type": null, "default": null, "title": null, "items": null,
        "additionalProperties": null, "properties": null, "oneOf": null, "format": null, "not": null,
    });
    assert_eq!(property(unset.clone()), json!({}));
    let mut whole = unset;
    whole["not"] = json!({"required": ["a"]});
    assert_eq!(fitted(whole), json!({"type": "object", "properties": {}}));
    for schema in [
        json!({"enum": []}),
        json!({"anyOf": []}),
        json!({"allOf": "x"}),
        json!({"prefixItems": true, "enum": {}, "oneOf": 3, "allOf": []}),
        json!({"additionalProperties": "no"}),
        json!({"type": "any"}),
        json!({"type": []}),
        json!({"type": ["any", 3]}),
        json!({"type": {"of": "string"}}),
    ] {
        assert_eq!(property(schema.clone()), json!({}), "{schema}");
    }
    for schema in [
        json!({"const": null}),
        json!({"enum": [1, null], "default": 1, "additionalProperties": false}),
        json!({"type": ["string", "null"], "description": "", "not": {"type": "string"}}),
    ] {
        assert_eq!(property(schema.clone()), schema);
    }
}

#[test]
fn types_are_called_as_json_calls_them() {
    for (given, known) in [
        ("str", "string"),
        ("STRING", "string"),
        ("int", "integer"),
        ("float", "number"),
        ("bool", "boolean"),
        ("None", "null"),
    ] {
        assert_eq!(property(json!({"type": given})), json!({"type": known}));
    }
    assert_eq!(property(json!({"type": "dict"})), json!({"type": "object"}));
    assert_eq!(
        property(json!({"type": "list"})),
        json!({"type": "array", "items": {}})
    );
    assert_eq!(
        property(json!({"type": ["str", "string", "any", "NoneType"]})),
        json!({"type": ["string", "null"]})
    );
}

#[test]
fn what_stands_in_place_of_a_list_or_a_text_becomes_one() {
    assert_eq!(property(json!({"enum": "a"})), json!({"enum": ["a"]}));
    assert_eq!(
        property(json!({"anyOf": {"type": "int"}, "description": ["a", 1]})),
        json!({"anyOf": [{"type": "integer"}], "description": "[\"a\",1]"})
    );
    let array = json!({"type": "array", "items": {}});
    assert_eq!(
        property(
            json!({"type": "array", "prefixItems": [{"type": "array"}], "items": {"not": {"type": "list"}}})
        ),
        json!({"type": "array", "prefixItems": [array], "items": {"not": array}})
    );
}

#[test]
fn keywords_of_another_kind_are_left_out() {
    for schema in [
        json!({"examples": "x"}),
        json!({"minLength": "1"}),
        json!({"maxItems": -1, "minItems": 1.5}),
        json!({"deprecated": "no", "uniqueItems": 1}),
        json!({"minimum": "0", "multipleOf": true}),
        json!({"format": 3, "pattern": ["a"], "$ref": {}}),
        json!({"$defs": [], "patternProperties": "x", "dependentRequired": []}),
        json!({"not": true, "if": "x", "contains": [], "propertyNames": 3}),
        // Beside it stands no limit.
        json!({"exclusiveMinimum": true, "exclusiveMaximum": false}),
    ] {
        assert_eq!(property(schema.clone()), json!({}), "{schema}");
    }
    for schema in [
        json!({"examples": ["x"], "deprecated": true, "format": "date"}),
        json!({"minimum": 0, "multipleOf": 0.5, "maxItems": 3}),
        json!({"contains": false, "unevaluatedItems": {}}),
        json!({"x-own": "whatever", "example": 3}),
    ] {
        assert_eq!(property(schema.clone()), schema);
    }
}

#[test]
fn a_limit_of_draft_4_is_written_as_of_today() {
    for (schema, fitted) in [
        (
            json!({"minimum": 1, "exclusiveMinimum": true, "maximum": 2.5, "exclusiveMaximum": true}),
            json!({"exclusiveMinimum": 1, "exclusiveMaximum": 2.5}),
        ),
        (
            json!({"minimum": 1, "exclusiveMinimum": false}),
            json!({"minimum": 1}),
        ),
        (
            json!({"minimum": 1, "exclusiveMinimum": 0}),
            json!({"minimum": 1, "exclusiveMinimum": 0}),
        ),
        (json!({"minimum": "1", "exclusiveMinimum": true}), json!({})),
    ] {
        assert_eq!(property(schema), fitted);
    }
}
