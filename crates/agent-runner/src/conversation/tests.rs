use serde_json::{Value, json};

use super::*;
use crate::talk::{Asked, Talk};

/// One tool call and an answer.
fn talk(arguments: &str, result: &str, answer: &str) -> Talk {
    let mut talk = Talk::default();
    let asked = Asked {
        id: "c1".to_owned(),
        name: "add".to_owned(),
        arguments: arguments.to_owned(),
    };
    talk.answer(String::new(), String::new(), vec![asked]);
    talk.turns[0].calls[0].end(false, result.to_owned(), String::new());
    talk.answer(answer.to_owned(), String::new(), Vec::new());
    talk
}

fn sent(messages: &[ChatMessage]) -> Value {
    serde_json::to_value(messages).unwrap()
}

#[test]
fn calls_and_results_are_told_in_the_form_of_functions() {
    let talk = talk(r#"{"a": 1}"#, "2", "It is 2.");
    assert_eq!(
        sent(&conversation(
            "You add.",
            &Memory::default(),
            "1+1?",
            &talk.turns
        )),
        json!([
            {"role": "system", "content": "You add."},
            {"role": "user", "content": "1+1?"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{\"a\": 1}"}}
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "2"},
            {"role": "assistant", "content": "It is 2."},
        ])
    );
}

#[test]
fn what_was_no_object_is_not_sent_back() {
    for written in ["[1]", "{\"a\"", "", "  "] {
        let talk = talk(written, "wrong", "");
        let sent = sent(&conversation("", &Memory::default(), "", &talk.turns));
        let arguments = &sent[2]["tool_calls"][0]["function"]["arguments"];
        assert_eq!(arguments, "{}", "{written}");
    }
}

#[test]
fn the_model_is_told_that_something_was_left_out() {
    let system = |memory: &Memory| conversation("s", memory, "?", &[])[0].content.clone();
    let mut memory = Memory::default();
    assert_eq!(system(&memory).as_deref(), Some("s"));
    memory.more = true;
    assert_eq!(system(&memory), Some(format!("s\n\n{FORGOTTEN}")));
}
