use serde_json::{Value, json};

use super::*;
use crate::transcript::{RequestedCall, Transcript};

/// One tool call and an answer.
fn transcript(arguments: &str, result: &str, answer: &str) -> Transcript {
    let mut transcript = Transcript::default();
    let asked = RequestedCall {
        id: "c1".to_owned(),
        name: "add".to_owned(),
        arguments: arguments.to_owned(),
    };
    transcript.answer(String::new(), String::new(), vec![asked]);
    transcript.turns[0].calls[0].end(false, result.to_owned(), String::new());
    transcript.answer(answer.to_owned(), String::new(), Vec::new());
    transcript
}

fn sent(messages: &[ChatMessage]) -> Value {
    serde_json::to_value(messages).unwrap()
}

#[test]
fn calls_and_results_are_told_in_the_form_of_functions() {
    let transcript = transcript(r#"{"a": 1}"#, "2", "It is 2.");
    assert_eq!(
        sent(&conversation(
            "You add.",
            &SessionHistory::default(),
            "1+1?",
            &transcript.turns
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
        let transcript = transcript(written, "wrong", "");
        let sent = sent(&conversation(
            "",
            &SessionHistory::default(),
            "",
            &transcript.turns,
        ));
        let arguments = &sent[2]["tool_calls"][0]["function"]["arguments"];
        assert_eq!(arguments, "{}", "{written}");
    }
}

#[test]
fn the_model_is_told_that_something_was_left_out() {
    let system = |memory: &SessionHistory| conversation("s", memory, "?", &[])[0].content.clone();
    let mut memory = SessionHistory::default();
    assert_eq!(system(&memory).as_deref(), Some("s"));
    memory.more = true;
    assert_eq!(system(&memory), Some(format!("s\n\n{FORGOTTEN}")));
}
