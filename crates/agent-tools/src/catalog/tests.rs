//! By what names a model calls the tools of servers.

use proptest::prelude::*;

use super::*;

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
