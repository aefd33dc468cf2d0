//! Results as servers send them, and as the model reads them.

mod data;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::env::EnvVar;

#[test]
fn what_no_model_reads_is_named() {
    let result = json!({"content": [
        {"type": "text", "text": "one"},
        {"type": "image", "data": "AAAAAA==", "mimeType": "image/png"},
        {"type": "resource", "resource": {"uri": "file:///a", "blob": "AAAA"}},
        {"type": "resource", "resource": {"uri": "file:///b", "text": "inside"}},
        {"type": "resource_link", "uri": "file:///c", "name": "c"},
    ]});
    let lines = [
        "one",
        "[left out: an image (image/png) of 4 bytes]",
        "[left out: a resource of 3 bytes at file:///a]",
        "[file:///b]",
        "inside",
        "[left out: the resource c at file:///c]",
    ];
    assert_eq!(of(&result).text.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn an_unknown_block_costs_itself_alone_and_no_call() {
    let result = json!({"content": [
        {"type": "text", "text": "one"},
        {"type": "video", "data": "AAAA"},
        {"type": "thinking", "text": "two"},
        {"type": "image"},
        {"data": 1},
        {"blob": "AAAA"},
        {"type": "json", "json": {"b": 2}},
        "three",
        {"type": "text", "text": {"a": 1}},
        {"type": "resource", "resource": null},
        null,
    ]});
    let lines = [
        "one",
        "[left out: content of the unknown type \"video\", of 30 bytes]",
        "two",
        "[left out: an image of 0 bytes]",
        "{\"data\":1}",
        "[left out: content without a type, of 15 bytes]",
        "{\"json\":{\"b\":2},\"type\":\"json\"}",
        "three",
        "{\"a\":1}",
        "[left out: a resource of an unknown kind at ]",
        "null",
    ];
    let outcome = of(&result);
    assert_eq!(outcome.text.lines().collect::<Vec<_>>(), lines);
    assert!(!outcome.failed);
}

#[test]
fn results_are_read_however_they_are_written() {
    for (result, text, failed) in [
        (json!({"content": "plain"}), "plain", false),
        (
            json!({"content": {"type": "text", "text": "one"}, "isError": "True"}),
            "one",
            true,
        ),
        (
            json!({"content": [], "structuredContent": {"a": 1}, "isError": true}),
            "{\"a\":1}",
            true,
        ),
        (json!({"toolResult": "old"}), "old", false),
        (
            json!({"toolResult": {"content": [{"type": "text", "text": "old"}], "isError": true}}),
            "old",
            true,
        ),
        (json!({"content": {"a": 1}}), "{\"a\":1}", false),
        (
            json!({"success": true, "rows": [], "isError": null, "_meta": {"took": 3}}),
            "{\"rows\":[],\"success\":true}",
            false,
        ),
        (
            json!({"content": [{"type": "error", "text": "no such row"}]}),
            "no such row",
            true,
        ),
        (
            json!({"content": [{"type": "error", "text": "mended"}], "isError": false}),
            "mended",
            false,
        ),
        (json!("bare"), "bare", false),
        (json!([1, 2]), "[1,2]", false),
        (
            json!({"content": null}),
            "(the tool answered with nothing)",
            false,
        ),
        (json!(null), "(the tool answered with nothing)", false),
    ] {
        let outcome = of(&result);
        assert_eq!(
            (outcome.text.as_str(), outcome.failed),
            (text, failed),
            "{result}"
        );
    }
    for asks in ["input_required", "task"] {
        let outcome = of(&json!({"resultType": asks}));
        assert!(
            outcome.failed && outcome.text.contains("cannot follow"),
            "{outcome:?}"
        );
    }
}

#[test]
fn long_texts_are_cut_between_characters() {
    let shown = |text: String| shown(ToolOutcome::failed(text), &Env::default()).text;
    assert_eq!(shown("a".repeat(MOST)).len(), MOST);
    let cut = shown(format!("{}é", "a".repeat(MOST - 1)));
    assert_eq!(
        &cut[MOST - 2..],
        "a\n[cut: this is the first 65535 of 65537 bytes]"
    );
}

#[test]
fn no_part_of_a_secret_is_left_at_the_cut() {
    let secret = EnvVar {
        value: "k3y-k3y-k3y".to_owned(),
        is_secret: true,
    };
    let env: Env = [("K".to_owned(), secret)].into_iter().collect();
    let shown = |text: String| shown(ToolOutcome::failed(text), &env).text;
    let long = |before: usize| format!("{}k3y-k3y-k3y{}", "a".repeat(before), "b".repeat(MOST));
    for before in MOST - 11..MOST {
        let text = shown(long(before));
        let (said, note) = text.split_once('\n').unwrap();
        assert_eq!(
            said.trim_start_matches('a'),
            &"[redacted]"[..(MOST - before).min(10)]
        );
        assert!(note.starts_with("[cut: this is the first 655"), "{note}");
    }
    // Marks that are shorter than secrets do not let in what is behind the cut.
    let many = "k3y-k3y-k3y".repeat(MOST);
    let text = shown(many);
    assert!(
        text.starts_with("[redacted]\n[cut: ") && !text.contains("k3y"),
        "{text:.100}"
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        "\\PC{0,5}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let key = prop_oneof![
            "content",
            "type",
            "text",
            "data",
            "resource",
            "isError",
            "structuredContent",
            "uri"
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
    fn whatever_the_result_nothing_panics_and_something_is_said(result in any_json()) {
        let outcome = of(&result);
        let says_so = result.get("isError").is_some_and(|failed| plain(failed).eq_ignore_ascii_case("true"));
        prop_assert!(!outcome.failed || says_so || outcome.text.contains("cannot follow"));
        prop_assert!(shown(outcome, &Env::default()).text.len() <= MOST + 100);
    }
}
