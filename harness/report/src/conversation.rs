//! An execution as people read it: who said what, which tools were called with what and answered what, sub-agents inside.

use crate::text::{cut, field, millis};
use serde::Serialize;
use serde_json::Value;

/// The longest of one message, argument or result, in characters: a page of 20 failed tests stays below 2 MB.
const LONGEST: usize = 4000;
/// Messages of one execution, the last ones.
const MOST: usize = 60;

/// An execution with its conversation.
#[derive(Clone, Debug, Serialize)]
pub struct Execution {
    /// Its id.
    pub id: String,
    /// Such as `FAILED`; empty where its state was not to be had.
    pub phase: String,
    /// Why it is in that phase.
    pub why: String,
    /// Its model.
    pub model: String,
    /// Milliseconds since 1970.
    pub began: Option<i64>,
    /// The same of its end.
    pub ended: Option<i64>,
    /// The conversation.
    pub messages: Vec<Message>,
    /// How many older messages are left out.
    pub left_out: usize,
    /// Its sub-agents.
    pub sub_agents: Vec<SubAgent>,
}

/// One message.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// `human`, `ai`, `tool`, `system`.
    pub role: String,
    /// What was said.
    pub text: String,
    /// Milliseconds since 1970.
    pub at: Option<i64>,
    /// The tools that it calls.
    pub calls: Vec<Call>,
}

/// One call of a tool.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// The tool.
    pub name: String,
    /// Its arguments, JSON.
    pub args: String,
    /// What it answered.
    pub result: String,
    /// Such as `FAILED`.
    pub status: String,
    /// Why it failed.
    pub error: String,
}

/// One sub-agent's work.
#[derive(Clone, Debug, Serialize)]
pub struct SubAgent {
    /// Its name.
    pub name: String,
    /// Its task.
    pub input: String,
    /// Its answer.
    pub output: String,
    /// Such as `COMPLETED`.
    pub status: String,
    /// Why it failed.
    pub error: String,
}

impl Execution {
    /// Of the JSON that the contract's types give.
    pub fn of(id: &str, json: &Value) -> Self {
        let status = &json["status"];
        let all = list(&status["toolCalls"]);
        let mut messages: Vec<Message> = list(&status["messages"])
            .iter()
            .map(|message| Message {
                role: field(message, "type")
                    .trim_start_matches("MESSAGE_")
                    .to_lowercase(),
                text: cut(&field(message, "content"), LONGEST),
                at: message["timestamp"].as_str().and_then(millis),
                // A message has the call as it was asked; the list of all calls has how it ended.
                calls: list(&message["toolCalls"])
                    .iter()
                    .map(|call| all.iter().find(|it| it["id"] == call["id"]).unwrap_or(call))
                    .map(call)
                    .collect(),
            })
            .collect();
        // A tool's message says again what stands with the call.
        let told: Vec<String> = all
            .iter()
            .map(|call| cut(&field(call, "result"), LONGEST))
            .collect();
        messages.retain(|message| message.role != "tool" || !told.contains(&message.text));
        for message in messages.iter_mut().filter(|message| message.role == "tool") {
            message.calls.clear();
        }
        let left_out = messages.len().saturating_sub(MOST);
        messages.drain(..left_out);
        let error = field(status, "error");
        Self {
            id: id.to_owned(),
            phase: field(status, "phase")
                .trim_start_matches("EXECUTION_")
                .to_owned(),
            why: if error.is_empty() {
                field(status, "phaseReason")
            } else {
                error
            },
            model: field(&json["spec"]["executionConfig"], "modelName"),
            began: status["startedAt"].as_str().and_then(millis),
            ended: status["completedAt"].as_str().and_then(millis),
            messages,
            left_out,
            sub_agents: list(&status["subAgentExecutions"])
                .iter()
                .map(sub_agent)
                .collect(),
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn call(call: &Value) -> Call {
    let args = &call["args"];
    Call {
        name: field(call, "name"),
        args: if args.is_null() {
            "{}".to_owned()
        } else {
            cut(&args.to_string(), LONGEST)
        },
        result: cut(&field(call, "result"), LONGEST),
        status: field(call, "status")
            .trim_start_matches("TOOL_CALL_")
            .to_owned(),
        error: cut(&field(call, "error"), LONGEST),
    }
}

fn sub_agent(found: &Value) -> SubAgent {
    SubAgent {
        name: field(found, "name"),
        input: cut(&field(found, "input"), LONGEST),
        output: cut(&field(found, "output"), LONGEST),
        status: field(found, "status")
            .trim_start_matches("SUB_AGENT_")
            .to_owned(),
        error: cut(&field(found, "error"), LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_call_stands_with_the_one_who_asked_and_says_how_it_ended() {
        let found = Execution::of(
            "aex-1",
            &json!({ "status": {
                "phase": "EXECUTION_FAILED", "error": "too many", "startedAt": "2026-11-23T09:00:01.5Z",
                "messages": [
                    { "type": "MESSAGE_AI", "content": "x".repeat(5000), "toolCalls": [{ "id": "c1", "name": "add" }] },
                    { "type": "MESSAGE_TOOL", "content": "5", "toolCalls": [{ "id": "c1" }] },
                { "type": "MESSAGE_TOOL", "content": "no", "toolCalls": [{ "id": "c2" }] },
                ],
                "toolCalls": [{ "id": "c1", "name": "add", "args": { "a": 2.0 }, "result": "5", "status": "TOOL_CALL_COMPLETED" }],
            }}),
        );
        assert_eq!((&*found.phase, &*found.why), ("FAILED", "too many"));
        assert!(found.messages[0].text.ends_with("(1000 bytes more)"));
        assert_eq!(found.messages[0].calls[0].result, "5");
        assert_eq!(found.messages[0].calls[0].args, r#"{"a":2.0}"#);
        assert_eq!(
            found.messages.len(),
            2,
            "what a call says already is left out"
        );
        assert!(found.messages[1].calls.is_empty());
        assert_eq!(Execution::of("aex-2", &Value::Null).phase, "");
    }
}
