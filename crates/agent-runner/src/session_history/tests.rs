mod loading;

use serde_json::Value;
use stigmer_api::{agentexecution::AgentExecutionStatus, apiresource::ApiResourceMetadata};

use super::*;
use crate::{
    status,
    transcript::{RequestedCall, Transcript},
};

fn human(content: &str) -> AgentMessage {
    AgentMessage {
        r#type: MessageType::MessageHuman.into(),
        content: content.to_owned(),
        ..Default::default()
    }
}

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

fn execution(id: &str, message: &str, transcript: &Transcript) -> AgentExecution {
    let mut status = AgentExecutionStatus {
        phase: ExecutionPhase::ExecutionCompleted.into(),
        ..Default::default()
    };
    status::fill(&mut status, vec![human(message)], transcript);
    AgentExecution {
        metadata: Some(ApiResourceMetadata {
            id: id.to_owned(),
            ..Default::default()
        }),
        status: Some(status),
        ..Default::default()
    }
}

/// An execution with so many bytes of text.
fn long(id: &str, bytes: usize) -> AgentExecution {
    execution(
        id,
        "",
        &transcript("{}", "", &"r".repeat(bytes - "add{}".len())),
    )
}

fn sent(memory: &SessionHistory) -> Value {
    serde_json::to_value(memory.messages().collect::<Vec<_>>()).unwrap()
}

/// What is remembered of `newest_first`, and how many of them were looked at.
fn looked_at(newest_first: &[AgentExecution], pins: Option<&Pins>) -> (SessionHistory, usize) {
    let mut memory = SessionHistory::default();
    let enough = newest_first.iter().position(|e| !memory.add(e, pins));
    let looked_at = enough.map_or(newest_first.len(), |at| at + 1);
    (memory, looked_at)
}

#[test]
fn a_session_is_remembered_with_its_tool_calls() {
    let arguments = r#"{"c":[1.5],"b":{"y":-2,"x":"1"},"a":1}"#;
    let earlier = execution("1", "1+1?", &transcript(arguments, "2", "It is 2."));
    let sent = sent(&looked_at(&[earlier], None).0);
    let roles: Vec<&str> = sent
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["user", "assistant", "tool", "assistant"]);
    assert_eq!(sent[2]["tool_call_id"], sent[1]["tool_calls"][0]["id"]);
    assert_eq!(
        sent[1]["tool_calls"][0]["function"]["arguments"],
        r#"{"a":1,"b":{"x":"1","y":-2},"c":[1.5]}"#
    );
}

/// An id that is rounded is another one's.
#[test]
fn a_long_number_is_remembered_digit_by_digit() {
    let arguments = r#"{"id":1234567890123456789,"l":[-9007199254740993],"n":9007199254740991}"#;
    let earlier = execution("1", "Who?", &transcript(arguments, "Ann", "It is Ann."));
    let sent = sent(&looked_at(&[earlier], None).0);
    assert_eq!(
        sent[1]["tool_calls"][0]["function"]["arguments"],
        r#"{"id":"1234567890123456789","l":["-9007199254740993"],"n":9007199254740991}"#
    );
}

#[test]
fn what_was_said_first_is_told_first() {
    let said = |id, message, answer| execution(id, message, &transcript("{}", "2", answer));
    let newest_first = [said("2", "And again?", "Still 2."), said("1", "1+1?", "2.")];
    let sent = sent(&looked_at(&newest_first, None).0);
    let words = sent.as_array().unwrap().iter().map(|m| &m["content"]);
    let words: Vec<_> = words.filter_map(Value::as_str).collect();
    let place = |word| words.iter().position(|w| *w == word).unwrap();
    let places = ["1+1?", "2.", "And again?", "Still 2."].map(place);
    assert!(places.is_sorted(), "{words:?}");
}

#[test]
fn calls_without_results_are_forgotten() {
    let mut earlier = execution("1", "1+1?", &transcript("{}", "2", "It is 2."));
    let messages = &mut earlier.status.as_mut().unwrap().messages;
    messages.retain(|m| m.r#type() != MessageType::MessageTool);
    let sent = sent(&looked_at(&[earlier], None).0);
    assert_eq!(sent.as_array().unwrap().len(), 2, "{sent}");
    assert!(sent[1].get("tool_calls").is_none(), "{sent}");
}

#[test]
fn the_oldest_of_a_long_session_are_not_even_looked_at() {
    let earlier = [
        long("4", MOST / 2),
        long("3", MOST / 2),
        long("2", 10),
        long("1", 10),
    ];
    let (memory, looked_at_) = looked_at(&earlier, None);
    assert_eq!(
        (memory.ids(), memory.more),
        (vec!["4".to_owned(), "3".to_owned()], true)
    );
    assert_eq!(looked_at_, 3);
    let (memory, _) = looked_at(&earlier[..2], None);
    assert!(!memory.more);
    assert!(
        looked_at(&vec![long("1", 10); MOST_EXECUTIONS + 1], None)
            .0
            .more
    );
}

#[test]
fn what_does_not_fit_is_left_out_with_all_that_is_older() {
    let (memory, _) = looked_at(&[long("3", 10), long("2", 1_000), long("1", 10)], None);
    let newest = memory.newest(500);
    assert_eq!((newest.ids(), newest.more), (vec!["3".to_owned()], true));
}

#[test]
fn only_what_completed_is_remembered() {
    let mut failed = long("1", 10);
    failed.status.as_mut().unwrap().phase = ExecutionPhase::ExecutionFailed.into();
    let (memory, looked_at) = looked_at(&[failed, long("0", 10)], None);
    assert_eq!((memory.ids(), looked_at), (vec!["0".to_owned()], 2));
}

#[test]
fn what_is_pinned_is_remembered_and_nothing_else() {
    let pins = Pins {
        memory: vec!["3".to_owned(), "1".to_owned()],
        ..Pins::default()
    };
    // One that ended after the first look would have left no room.
    let earlier = ["4", "3", "2", "1", "0"].map(|id| long(id, MOST / 2));
    let (memory, looked_at) = looked_at(&earlier, Some(&pins));
    assert_eq!((memory.ids(), looked_at), (pins.memory, 4));
    // The oldest first.
    assert!(memory.messages().count() == 8);
}
