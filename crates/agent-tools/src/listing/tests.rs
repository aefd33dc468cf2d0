use proptest::prelude::*;

use super::*;

fn tool(name: &str) -> Value {
    json!({"name": name, "description": "d", "inputSchema": {"type": "object"}})
}

#[test]
fn a_bad_entry_costs_itself_alone_and_is_named() {
    let mut bad_schema = tool("text");
    bad_schema["inputSchema"] = json!("object");
    let mut none = tool("bad");
    none["inputSchema"].take();
    let page = json!({"tools": [tool("good"), none, bad_schema, 3, {"inputSchema": {}}, tool("good"), {"name": "php", "inputSchema": []}]});
    let mut listing = Listing::default();
    assert_eq!(listing.add(&page), Ok(None));
    let names: Vec<&String> = listing.tools.keys().collect();
    assert_eq!(names, ["good", "php"]);
    assert_eq!(
        listing.left_out().unwrap(),
        "\"bad\": it has no inputSchema, \"text\": its inputSchema is no object, one without a name, one without a name, \
         a second \"good\""
    );
    assert_eq!(Listing::default().left_out(), None);
}

#[test]
fn what_is_left_out_is_told_in_bounds() {
    let mut listing = Listing::default();
    let entry = |letters: usize| json!({"name": "x".repeat(letters)});
    let entries: Vec<Value> = (0..30).map(|_| entry(1000)).collect();
    assert_eq!(listing.add(&json!({"tools": entries})), Ok(None));
    let told = listing.left_out().unwrap();
    assert!(
        told.ends_with(", and 20 more") && told.len() < 1200,
        "{told}"
    );
    for (letters, cut) in [(LONGEST_SHOWN, false), (LONGEST_SHOWN + 1, true)] {
        let mut listing = Listing::default();
        let page = json!({"tools": [entry(letters)]});
        assert_eq!(listing.add(&page), Ok(None));
        let told = listing.left_out().unwrap();
        assert_eq!(told.contains('…'), cut, "{told}");
        let shown = told.chars().filter(|c| *c == 'x').count();
        assert_eq!(shown, LONGEST_SHOWN, "{told}");
    }
}

#[test]
fn a_title_describes_what_nothing_else_does() {
    for (entry, described) in [
        (json!({"description": " does "}), "does"),
        (json!({"description": "", "title": "Title"}), "Title"),
        (
            json!({"description": null, "annotations": {"title": "Hint"}}),
            "Hint",
        ),
        (json!({"description": 3}), ""),
    ] {
        let mut whole = tool("x");
        whole["description"].take();
        whole
            .as_object_mut()
            .unwrap()
            .extend(entry.as_object().unwrap().clone());
        assert_eq!(
            super::tool(&whole).unwrap().description,
            described,
            "{whole}"
        );
    }
}

#[test]
fn pages_end() {
    let page = |next: Value| json!({"tools": [], "nextCursor": next});
    for last in [json!(null), json!(""), json!({"at": 3})] {
        let mut listing = Listing::default();
        assert_eq!(listing.add(&page(json!("2"))), Ok(Some("2".to_owned())));
        assert_eq!(listing.add(&page(last.clone())), Ok(None), "{last}");
        assert_eq!(listing.left_out().is_some(), last.is_object());
    }
    let mut listing = Listing::default();
    assert!(listing.add(&page(json!("2"))).is_ok() && listing.add(&page(json!("3"))).is_ok());
    let twice = listing.add(&page(json!("2"))).unwrap_err();
    assert_eq!(twice, "names the page \"2\" twice: its list does not end");

    let mut listing = Listing::default();
    for number in 0..MOST_PAGES {
        assert!(listing.add(&page(json!(number.to_string()))).is_ok());
    }
    let many = listing.add(&page(json!("x"))).unwrap_err();
    assert_eq!(many, "lists more than 200 pages: its list does not end");

    let tools: Vec<Value> = (0..MOST_TOOLS).map(|i| tool(&i.to_string())).collect();
    let mut listing = Listing::default();
    assert_eq!(listing.add(&json!({"tools": tools})), Ok(None));
    assert!(
        listing
            .add(&json!({"tools": [tool("x")]}))
            .unwrap_err()
            .contains("2000 tools")
    );

    let large = |text: usize| json!({"tools": [{"name": "x", "description": "x".repeat(text), "inputSchema": {}}]});
    let most = MOST_BYTES - large(0).to_string().len();
    assert!(Listing::default().add(&large(most)).is_ok());
    let more = Listing::default().add(&large(most + 1)).unwrap_err();
    assert!(more.contains("bytes"), "{more}");
}

#[test]
fn no_list_is_no_empty_one() {
    for page in [
        json!(null),
        json!([]),
        json!({}),
        json!({"tools": {}}),
        json!({"tools": "x"}),
    ] {
        assert!(Listing::default().add(&page).is_err(), "{page}");
    }
    assert_eq!(Listing::default().add(&json!({"tools": null})), Ok(None));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        "\\PC{0,5}".prop_map(Value::from),
        any::<f64>().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let key = prop_oneof![
            "tools",
            "name",
            "description",
            "inputSchema",
            "nextCursor",
            "title",
            "annotations"
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..5)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_the_page_nothing_panics(page in any_json(), entries in proptest::collection::vec(any_json(), 0..4)) {
        let _ = Listing::default().add(&page);
        let mut listing = Listing::default();
        let added = listing.add(&json!({"tools": entries}));
        prop_assert!(added.is_ok());
        prop_assert_eq!(listing.tools.len() + listing.bad.len(), listing.entries);
    }
}
