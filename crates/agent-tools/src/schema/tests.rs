//! What public reports of refused tools show.

use proptest::{prelude::*, sample};

use super::*;

fn fitted(schema: Value) -> Value {
    let Value::Object(schema) = schema else {
        panic!("no object")
    };
    Value::Object(fit(schema))
}

#[test]
fn what_fits_stays_as_it_is() {
    let schema = json!({
        "type": "object",
        "properties": {"a": {"type": "array", "items": {"type": "string"}}, "b": {"enum": [1, null]}},
        "required": ["a"],
        "additionalProperties": false,
    });
    assert_eq!(fitted(schema.clone()), schema);
}

#[test]
fn an_object_with_properties_is_made_of_every_schema() {
    let none = json!({"type": "object", "properties": {}});
    for schema in [
        json!({}),
        json!({"type": "object"}),
        json!({"type": null, "properties": null, "required": null}),
        json!({"type": "object", "properties": []}),
        json!({"type": ["object", "null"], "required": []}),
        json!({"type": "string"}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}),
        json!({"anyOf": []}),
        json!({"$ref": "#"}),
        json!({"$ref": "https://example.org/x.json"}),
    ] {
        assert_eq!(fitted(schema.clone()), none, "{schema}");
    }
}

#[test]
fn what_is_no_schema_inside_is_mended_and_the_rest_is_kept() {
    let schema = json!({
        "properties": {"list": {"type": "array"}, "any": true, "empty": [], "tuple": {"type": "array", "items": [{"type": "string"}]}, "deep": {"type": "object", "properties": {"x": {"type": ["array", "null"]}}, "required": []}},
        "required": ["list", "list", "other", 3],
    });
    let expected = json!({
        "type": "object",
        "properties": {
            "list": {"type": "array", "items": {}}, "any": {}, "empty": {},
            "tuple": {"type": "array", "items": {"anyOf": [{"type": "string"}]}},
            "deep": {"type": "object", "properties": {"x": {"type": ["array", "null"], "items": {}}}},
            "other": {},
        },
        "required": ["list", "other"],
    });
    assert_eq!(fitted(schema), expected);
}

#[test]
fn variants_of_the_whole_become_one_object() {
    let schema = json!({
        "anyOf": [
            {"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": {"type": "number"}}},
            {"allOf": [{"properties": {"d": {}}, "required": ["d"]}]},
        ],
        "allOf": [{"properties": {"c": {}}, "required": ["c"]}],
        "properties": {"a": {"type": "integer"}},
    });
    let expected = json!({
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "number"}, "c": {}, "d": {}},
        "required": ["c"],
    });
    assert_eq!(fitted(schema), expected);
}

#[test]
fn references_are_put_in_their_places() {
    let schema = json!({
        "type": "object",
        "properties": {"at": {"$ref": "#/$defs/Point", "description": "where"}, "far": {"$ref": "#/components/schemas/Far", "description": "kept"}},
        "$defs": {"Point": {"type": "object", "properties": {"x": {"$ref": "#/$defs/Number"}}}, "Number": {"type": "number"}},
    });
    let expected = json!({
        "type": "object",
        "properties": {
            "at": {"type": "object", "properties": {"x": {"type": "number"}}, "description": "where"},
            "far": {"description": "kept"},
        },
    });
    assert_eq!(fitted(schema), expected);
}

#[test]
fn a_schema_that_refers_to_itself_keeps_its_references() {
    let schema = json!({
        "type": "object",
        "properties": {"tree": {"$ref": "#/$defs/Node"}, "gone": {"$ref": "#/$defs/Gone"}},
        "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
    });
    let mut expected = schema.clone();
    expected["properties"]["gone"] = json!({});
    assert_eq!(fitted(schema), expected);
}

#[test]
fn references_do_not_blow_a_schema_up() {
    // Each level doubles the one below: 2^40 nodes, put in their places.
    let mut defs = Map::new();
    for level in 0..40 {
        let next = format!("#/$defs/L{}", level + 1);
        let both =
            json!({"type": "object", "properties": {"a": {"$ref": next}, "b": {"$ref": next}}});
        defs.insert(format!("L{level}"), both);
    }
    defs.insert("L40".to_owned(), json!({"type": "string"}));
    let schema = json!({"properties": {"x": {"$ref": "#/$defs/L0"}}, "$defs": defs});
    let size = schema.to_string().len();
    assert!(fitted(schema).to_string().len() < 2 * size);
}

fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        sample::select(
            &[
                "object",
                "array",
                "string",
                "#/$defs/a",
                "#",
                "#/properties/b"
            ][..]
        )
        .prop_map(Value::from),
    ];
    const KEYS: [&str; 15] = [
        "enum",
        "not",
        "prefixItems",
        "a",
        "b",
        "type",
        "properties",
        "required",
        "items",
        "anyOf",
        "allOf",
        "$ref",
        "$defs",
        "definitions",
        "additionalProperties",
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(sample::select(&KEYS[..]), inner, 0..6).prop_map(
                |map| map
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()
            ),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_it_is_an_object_of_schemas_comes_of_it(schema in any_schema()) {
        let Value::Object(schema) = schema else { return Ok(()) };
        let once = fit(schema);
        prop_assert_eq!(&once["type"], "object");
        let properties = once["properties"].as_object();
        prop_assert!(properties.is_some_and(|all| all.values().all(Value::is_object)));
        let required = once.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            prop_assert!(properties.is_some_and(|all| all.contains_key(name)), "{}", name);
        }
    }
}
