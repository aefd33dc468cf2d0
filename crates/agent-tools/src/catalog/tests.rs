//! By what names a model calls the tools of servers.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{env::EnvVar, redact::BUILT};

fn tools(names: &[&str]) -> BTreeMap<String, ServerTool> {
    let tool = |name: &&str| {
        let tool = ServerTool {
            name: name.to_string(),
            description: String::new(),
            schema: serde_json::Map::new(),
        };
        (name.to_string(), tool)
    };
    names.iter().map(tool).collect()
}

fn names(servers: &[(&str, &[&str])], files: bool) -> Vec<String> {
    let servers = servers
        .iter()
        .map(|(server, names)| (server.to_string(), tools(names)));
    let catalog = Catalog::new(servers.collect(), files, &Env::default());
    catalog.specs.into_iter().map(|spec| spec.name).collect()
}

#[test]
fn names_stay_where_they_are_alone() {
    assert_eq!(
        names(&[("a", &["x", "y"]), ("b", &["z"])], false),
        ["x", "y", "z"]
    );
    assert_eq!(
        names(&[("a", &["x", "y"]), ("b", &["y"])], false),
        ["a__y", "b__y", "x"]
    );
    assert_eq!(
        names(&[("a", &["read_file"])], true),
        ["a__read_file", "list_files", "read_file"]
    );
    assert_eq!(names(&[("a", &["read_file"])], false), ["read_file"]);
    assert_eq!(
        names(&[("my srv", &["a.b", "a/b"])], false),
        ["my_srv__a_b", "my_srv__a_b_2"]
    );
    assert_eq!(
        names(&[("a", &["x", "b__x"]), ("b", &["x"])], false),
        ["a__x", "b__x", "b__x_2"]
    );
}

#[test]
fn a_name_begins_with_a_letter_and_leads_to_the_servers_own() {
    let long = format!("1{}", "x".repeat(63));
    let servers = vec![("a".to_owned(), tools(&["1x", "-y", "_z", &long]))];
    let catalog = Catalog::new(servers, false, &Env::default());
    let led: Vec<(&str, &str)> = catalog
        .targets
        .iter()
        .map(|(name, target)| match target {
            Target::Server { tool, .. } => (name.as_str(), tool.as_str()),
            Target::File => (name.as_str(), ""),
        })
        .collect();
    let cut = format!("_{}", &long[..63]);
    let expected = [
        ("_-y", "-y"),
        ("_1x", "1x"),
        (cut.as_str(), long.as_str()),
        ("_z", "_z"),
    ];
    assert_eq!(led, expected);
    // What is so called already is another.
    assert_eq!(names(&[("a", &["1x", "_1x"])], false), ["a__1x", "a___1x"]);
    assert_eq!(
        names(&[("9", &["x"]), ("b", &["x"])], false),
        ["_9__x", "b__x"]
    );
}

/// The catalog of so many tools of one server, all with this schema.
fn catalog(schema: &Value, count: usize, secret: &str) -> Catalog {
    let tool = |i: usize| {
        let tool = ServerTool {
            name: format!("get_neo4j_schema_{i}"),
            description: format!("Ask {secret}."),
            schema: schema.as_object().unwrap().clone(),
        };
        (tool.name.clone(), tool)
    };
    let secret = EnvVar {
        value: secret.to_owned(),
        is_secret: true,
    };
    let env: Env = [("K".to_owned(), secret)].into_iter().collect();
    let tools = (0..count).map(tool).collect();
    Catalog::new(vec![("a".to_owned(), tools)], false, &env)
}

#[test]
fn a_secret_that_is_a_common_word_leaves_what_a_tool_is_called_by() {
    let schema = json!({
        "type": "object",
        "properties": {
            "neo4j_db": {"type": ["string", "null"], "description": "As neo4j has it."},
            "type": {"type": "object", "properties": {"neo4j_x": {"type": "string"}}, "required": ["neo4j_x"]},
        },
        "required": ["neo4j_db"],
    });
    let spec = catalog(&schema, 1, "neo4j").specs.remove(0);
    assert_eq!(spec.name, "get_neo4j_schema_0");
    assert_eq!(spec.description, "Ask [redacted].");
    let properties = &spec.parameters["properties"];
    assert_eq!(
        properties["neo4j_db"]["description"],
        "As [redacted] has it."
    );
    assert_eq!(properties["type"]["required"], json!(["neo4j_x"]));
    assert_eq!(spec.parameters["required"], json!(["neo4j_db"]));
    for secret in ["string", "object", "null"] {
        let spec = catalog(&schema, 1, secret).specs.remove(0);
        let word = catalog(&schema, 1, "neo4j").specs.remove(0);
        let types = |spec: &ToolSpec| {
            let properties = &spec.parameters["properties"];
            [
                spec.parameters["type"].clone(),
                properties["neo4j_db"]["type"].clone(),
                properties["type"]["type"].clone(),
            ]
        };
        assert_eq!(types(&spec), types(&word), "{secret}");
    }
}

#[test]
fn a_key_file_is_taken_apart_once_for_all_tools() {
    let lines: Vec<String> = (0..52).map(|i| format!("line-of-a-key-{i:050}")).collect();
    let schema =
        json!({"properties": {"a": {"description": "one"}, "b": {"description": lines[7]}}});
    let before = BUILT.get();
    let catalog = catalog(&schema, 40, &lines.join("\n"));
    assert_eq!(BUILT.get(), before + 1);
    assert_eq!(catalog.specs.len(), 40);
    for spec in catalog.specs {
        let properties = &spec.parameters["properties"];
        assert_eq!(properties["b"]["description"], "[redacted]");
        assert_eq!(properties["a"]["description"], "one");
    }
}

#[test]
fn what_only_looks_like_a_name_or_a_type_is_redacted() {
    let names = BTreeSet::from(["$defs", "neo4j_db"]);
    let secret = EnvVar {
        value: "neo4j".to_owned(),
        is_secret: true,
    };
    let env: Env = [("K".to_owned(), secret)].into_iter().collect();
    let shown = |value: &Value| redacted(value, "", &names, &env);
    let value = json!({"required": ["neo4j_db", "neo4j"], "type": "neo4j", "enum": ["neo4j_db"]});
    let expected = json!({
        "required": ["neo4j_db", "[redacted]"],
        "type": "[redacted]",
        "enum": ["[redacted]_db"],
    });
    assert_eq!(shown(&value), expected);
    let value = json!({
        "$ref": "#/$defs/neo4j_db",
        "not": {"$ref": "#/$defs/neo4j"},
        "dependentRequired": {"neo4j_db": ["neo4j_db", "neo4j"]},
    });
    let expected = json!({
        "$ref": "#/$defs/neo4j_db",
        "not": {"$ref": "#/$defs/[redacted]"},
        "dependentRequired": {"neo4j_db": ["neo4j_db", "[redacted]"]},
    });
    assert_eq!(shown(&value), expected);
}

proptest! {
    #[test]
    fn names_are_valid_unique_and_the_same_each_time(
        a in proptest::collection::btree_set("[a-c1_.é-]{1,3}|[a-z1]{60,70}", 0..6),
        b in proptest::collection::btree_set("[a-c1_.é-]{1,3}|[a-z1]{60,70}", 0..6),
        server in "\\PC{1,70}",
    ) {
        let a: Vec<&str> = a.iter().map(String::as_str).collect();
        let b: Vec<&str> = b.iter().map(String::as_str).collect();
        let both = [(server.as_str(), a.as_slice()), ("b", b.as_slice())];
        let once = names(&both, true);
        prop_assert_eq!(&once, &names(&both, true));
        prop_assert_eq!(once.len(), a.len() + b.len() + 2);
        let unique: BTreeSet<&String> = once.iter().collect();
        prop_assert_eq!(unique.len(), once.len());
        for name in once {
            prop_assert!((1..=64).contains(&name.len()), "{}", name);
            let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            prop_assert!(begins, "{}", name);
            prop_assert!(name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-'), "{}", name);
        }
    }
}
