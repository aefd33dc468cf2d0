use serde_json::{Value, json};
use stigmer_api::agentexecution::AgentExecutionStatus;

use super::*;
use crate::{
    status,
    talk::{Asked, Talk},
};

fn human(content: &str) -> AgentMessage {
    AgentMessage {
        r#type: MessageType::MessageHuman.into(),
        content: content.to_owned(),
        ..Default::default()
    }
}

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

fn execution(message: &str, talk: &Talk) -> AgentExecution {
    let mut status = AgentExecutionStatus::default();
    status::fill(&mut status, vec![human(message)], talk);
    AgentExecution {
        status: Some(status),
        ..Default::default()
    }
}

fn sent(messages: &[ChatMessage]) -> Value {
    serde_json::to_value(messages).unwrap()
}

#[test]
fn calls_and_results_are_told_in_the_form_of_functions() {
    let talk = talk(r#"{"a": 1}"#, "2", "It is 2.");
    assert_eq!(
        sent(&conversation("You add.", &[], false, "1+1?", &talk.turns)),
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
        let sent = sent(&conversation("", &[], false, "", &talk.turns));
        let arguments = &sent[2]["tool_calls"][0]["function"]["arguments"];
        assert_eq!(arguments, "{}", "{written}");
    }
}

#[test]
fn a_session_is_remembered_with_its_tool_calls() {
    let earlier = execution(
        "1+1?",
        &talk(r#"{"c":[1.5],"b":{"y":-2,"x":"1"},"a":1}"#, "2", "It is 2."),
    );
    let sent = sent(&conversation("s", &[earlier], false, "again?", &[]));
    let roles: Vec<&str> = sent
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["role"].as_str().unwrap())
        .collect();
    assert_eq!(
        roles,
        ["system", "user", "assistant", "tool", "assistant", "user"]
    );
    assert_eq!(sent[0]["content"], "s");
    assert_eq!(sent[3]["tool_call_id"], sent[2]["tool_calls"][0]["id"]);
    assert_eq!(
        sent[2]["tool_calls"][0]["function"]["arguments"],
        r#"{"a":1,"b":{"x":"1","y":-2},"c":[1.5]}"#
    );
}

#[test]
fn calls_without_results_are_forgotten() {
    let mut earlier = execution("1+1?", &talk("{}", "2", "It is 2."));
    let messages = &mut earlier.status.as_mut().unwrap().messages;
    messages.retain(|m| m.r#type() != MessageType::MessageTool);
    let sent = sent(&conversation("s", &[earlier], false, "again?", &[]));
    assert_eq!(sent.as_array().unwrap().len(), 4, "{sent}");
    assert!(sent[2].get("tool_calls").is_none(), "{sent}");
}

#[test]
fn the_oldest_of_a_long_session_is_left_out_and_the_model_is_told() {
    let long = |n: usize| execution("?", &talk("{}", &"r".repeat(n), "!"));
    let earlier = [long(MEMORY / 2), long(MEMORY / 2), long(MEMORY / 3)];
    let sent = sent(&conversation("s", &earlier, false, "?", &[]));
    // Two executions of four messages each, the system prompt and the question.
    assert_eq!(sent.as_array().unwrap().len(), 10);
    assert_eq!(sent[0]["content"], format!("s\n\n{FORGOTTEN}"));
    let sent = super::conversation("s", &[], true, "?", &[]);
    assert!(sent[0].content.as_deref().unwrap().contains(FORGOTTEN));
}
