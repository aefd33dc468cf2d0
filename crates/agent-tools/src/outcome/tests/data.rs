//! What stands beside the blocks of a result, and what stands in place of them.

use serde_json::json;

use super::super::*;

#[test]
fn data_beside_a_text_is_told_where_the_text_does_not_say_it() {
    let texts = |texts: &[&str]| -> Value {
        let block = |text: &&str| json!({"type": "text", "text": text});
        texts.iter().map(block).collect()
    };
    let data = json!({"rows": [{"id": 1}]});
    for (blocks, data, told) in [
        (
            texts(&["One row."]),
            data.clone(),
            "One row.\n{\"rows\":[{\"id\":1}]}",
        ),
        (texts(&["One", "row."]), json!([1]), "One\nrow.\n[1]"),
        (texts(&["no"]), json!(null), "no"),
        (texts(&["no"]), json!({}), "no"),
        // It says the same, however it is written.
        (
            texts(&["{ \"rows\": [{\"id\": 1}] }\n"]),
            data.clone(),
            "{ \"rows\": [{\"id\": 1}] }\n",
        ),
        (
            texts(&["One row.", "{\"rows\":[{\"id\":1}]}"]),
            data,
            "One row.\n{\"rows\":[{\"id\":1}]}",
        ),
        // As FastMCP does with what is no object.
        (texts(&["five"]), json!({"result": "five"}), "five"),
        (texts(&["5"]), json!({"result": 5}), "5"),
        (texts(&["[1, 2]"]), json!({"result": [1, 2]}), "[1, 2]"),
        (texts(&["a", "2"]), json!({"result": ["a", 2]}), "a\n2"),
        (
            texts(&["a"]),
            json!({"result": ["a", 2]}),
            "a\n{\"result\":[\"a\",2]}",
        ),
        (
            texts(&["a", "b"]),
            json!({"result": ["b", "a"]}),
            "a\nb\n{\"result\":[\"b\",\"a\"]}",
        ),
        (
            texts(&["5"]),
            json!({"result": 5, "of": 6}),
            "5\n{\"of\":6,\"result\":5}",
        ),
        (
            texts(&["no"]),
            json!({"result": null}),
            "no\n{\"result\":null}",
        ),
    ] {
        let result = json!({"content": blocks, "structuredContent": data});
        assert_eq!(of(&result).text, told, "{result}");
    }
    // What is cut is cut behind all of it.
    let long = "a".repeat(MOST - 2);
    for (data, cut) in [(json!(7), false), (json!(77), true)] {
        let result = json!({"content": long, "structuredContent": data});
        let text = shown(of(&result), &Env::default()).text;
        assert_eq!(text.contains("\n[cut: "), cut, "{data}");
        assert!(text.len() < MOST + 100);
    }
}

#[test]
fn blocks_that_say_nothing_are_none() {
    let text = |text: Value| json!({"type": "text", "text": text});
    for (blocks, told) in [
        (json!([text(json!("")), text(json!(" \n"))]), NOTHING),
        (json!([text(json!(null))]), NOTHING),
        (json!([{"type": "text", "annotations": {}}]), NOTHING),
        (json!(" "), NOTHING),
        (json!([text(json!(null)), text(json!("a"))]), "\na"),
        (
            json!([{"type": "text", "text": null, "value": 1}]),
            "{\"type\":\"text\",\"value\":1}",
        ),
        (
            json!([{"type": "note", "text": null}]),
            "{\"type\":\"note\"}",
        ),
    ] {
        let result = json!({"content": blocks});
        assert_eq!(of(&result).text, told, "{result}");
    }
    let result = json!({"content": [text(json!(""))], "structuredContent": {"a": 1}});
    assert_eq!(of(&result).text, "{\"a\":1}");
    for blank in [
        json!({"structuredContent": ""}),
        json!("\n"),
        json!({"toolResult": " "}),
    ] {
        assert_eq!(of(&blank).text, NOTHING, "{blank}");
    }
    let failed = of(&json!({"content": [text(json!(""))], "isError": true}));
    assert_eq!((failed.text.as_str(), failed.failed), (NOTHING, true));
}
