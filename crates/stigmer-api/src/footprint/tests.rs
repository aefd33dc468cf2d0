use pbjson_types::{Struct, Value, value::Kind};
use proptest::prelude::*;
use prost::{Message, encoding::encode_varint};

use super::*;
use crate::{
    agent::{Agent, AgentSpec, McpServerDefinition, SubAgent},
    agentexecution::{
        AgentExecution, AgentExecutionList, AgentExecutionStatus, AgentExecutionUpdateStatusInput,
        AgentMessage, SubAgentExecution, TodoItem, ToolCall,
    },
    apiresource::{ApiResourceMetadata, ApiResourceReference},
    environment::{EnvironmentSpec, EnvironmentValue},
};

fn of<M: Name>(message: &M) -> usize {
    footprint::<M>(&message.encode_to_vec(), usize::MAX)
}

/// What one more entry counts, where `with` makes a message of so many.
fn each<M: Name>(with: impl Fn(usize) -> M) -> usize {
    of(&with(2)) - of(&with(1))
}

#[test]
fn an_entry_counts_no_less_than_it_takes() {
    let status = AgentExecutionStatus::default;
    for (what, counted, takes) in [
        (
            "messages",
            each(|n| AgentExecutionStatus {
                messages: vec![AgentMessage::default(); n],
                ..status()
            }),
            size_of::<AgentMessage>(),
        ),
        (
            "calls",
            each(|n| AgentExecutionStatus {
                tool_calls: vec![ToolCall::default(); n],
                ..status()
            }),
            size_of::<ToolCall>(),
        ),
        (
            "calls of a message",
            each(|n| AgentMessage {
                tool_calls: vec![ToolCall::default(); n],
                ..Default::default()
            }),
            size_of::<ToolCall>(),
        ),
        (
            "executions of sub-agents",
            each(|n| AgentExecutionStatus {
                sub_agent_executions: vec![SubAgentExecution::default(); n],
                ..status()
            }),
            size_of::<SubAgentExecution>(),
        ),
        (
            "todos",
            each(|n| AgentExecutionStatus {
                todos: (0..n)
                    .map(|i| (i.to_string(), TodoItem::default()))
                    .collect(),
                ..status()
            }),
            size_of::<(String, TodoItem)>(),
        ),
        (
            "warnings",
            each(|n| AgentExecutionStatus {
                warnings: vec![String::new(); n],
                ..status()
            }),
            size_of::<String>(),
        ),
        (
            "servers",
            each(|n| AgentSpec {
                mcp_servers: vec![McpServerDefinition::default(); n],
                ..Default::default()
            }),
            size_of::<McpServerDefinition>(),
        ),
        (
            "sub-agents",
            each(|n| AgentSpec {
                sub_agents: vec![SubAgent::default(); n],
                ..Default::default()
            }),
            size_of::<SubAgent>(),
        ),
        (
            "references",
            each(|n| SubAgent {
                skill_refs: vec![ApiResourceReference::default(); n],
                ..Default::default()
            }),
            size_of::<ApiResourceReference>(),
        ),
        (
            "variables",
            each(|n| EnvironmentSpec {
                data: (0..n)
                    .map(|i| (i.to_string(), EnvironmentValue::default()))
                    .collect(),
                ..Default::default()
            }),
            size_of::<(String, EnvironmentValue)>(),
        ),
        (
            "executions of a list",
            each(|n| AgentExecutionList {
                entries: vec![AgentExecution::default(); n],
                ..Default::default()
            }),
            size_of::<AgentExecution>(),
        ),
        (
            "values",
            each(|n| AgentMessage {
                metadata: Some(list(n)),
                ..Default::default()
            }),
            size_of::<Value>(),
        ),
        (
            "tags",
            each(|n| ApiResourceMetadata {
                tags: vec![String::new(); n],
                ..Default::default()
            }),
            size_of::<String>(),
        ),
    ] {
        assert!(counted >= takes, "{what}: {counted} for {takes}");
        assert!(counted <= 8 * takes, "{what}: {counted} for {takes}");
    }
}

/// `{"a": [null, null, ...]}`.
fn list(count: usize) -> Struct {
    let values = vec![Value { kind: None }; count];
    let kind = Some(Kind::ListValue(pbjson_types::ListValue { values }));
    Struct {
        fields: [("a".to_owned(), Value { kind })].into(),
    }
}

/// A conversation has 768 KiB of JSON, and a report has a call's arguments twice.
#[test]
fn the_densest_conversation_is_read() {
    for value in ["{\"a\":1},", "[],", "1,", "\"\","] {
        let json = format!("[{}1]", value.repeat(768 * 1024 / value.len()));
        let list = serde_json::from_str(&json).unwrap_or_default();
        let args = [("a".to_owned(), list)].into_iter().collect();
        let call = ToolCall {
            args: Some(crate::json::to_struct(args)),
            ..Default::default()
        };
        let message = AgentMessage {
            tool_calls: vec![call.clone()],
            ..Default::default()
        };
        let counted = of(&AgentExecutionStatus {
            messages: vec![message],
            tool_calls: vec![call],
            ..Default::default()
        });
        assert!(counted > 20 << 20, "{value}: {} MiB", counted >> 20);
        assert!(counted < 80 << 20, "{value}: {} MiB", counted >> 20);
    }
}

#[test]
fn a_text_counts_its_bytes() {
    let mut agent = Agent::default();
    agent.spec.get_or_insert_default().instructions = "x".repeat(1 << 20);
    assert_eq!(of(&agent), 1 << 20);
}

/// What a reader leaves out costs nothing, and hides nothing that comes after it.
#[test]
fn nothing_hides_behind_what_is_unknown() {
    let status = AgentExecutionStatus {
        messages: vec![AgentMessage::default(); 100],
        ..Default::default()
    };
    let counted = of(&status);
    let unknown = |kind: u64, value: &[u8]| {
        let mut wire = Vec::new();
        encode_varint(1000 << 3 | kind, &mut wire);
        wire.extend(value);
        wire.extend(status.encode_to_vec());
        footprint::<AgentExecutionStatus>(&wire, usize::MAX)
    };
    for (kind, value) in [
        (0, [0x80, 1].as_slice()),
        (1, &[0; 8]),
        (2, b"\x03abc"),
        (5, &[0; 4]),
    ] {
        assert_eq!(unknown(kind, value), counted, "{kind}");
    }
    // A group: a number in it, and its end.
    let mut group = vec![0x08, 1];
    encode_varint(1000 << 3 | 4, &mut group);
    assert!(unknown(3, &group) >= counted);
}

#[test]
fn counting_ends_with_the_limit() {
    let status = AgentExecutionStatus {
        messages: vec![AgentMessage::default(); 100_000],
        ..Default::default()
    };
    let input = AgentExecutionUpdateStatusInput {
        status: Some(status),
        ..Default::default()
    };
    let wire = input.encode_to_vec();
    let one = each(|n| AgentExecutionStatus {
        messages: vec![AgentMessage::default(); n],
        ..Default::default()
    });
    let counted = footprint::<AgentExecutionUpdateStatusInput>(&wire, 10 * one);
    assert_eq!(counted, 11 * one);
}

/// Fields of small numbers, as they may stand in any message.
pub(crate) fn wire() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::collection::vec(any::<u8>(), 0..12).boxed();
    let inner = bytes.prop_recursive(4, 40, 6, |inner| {
        let field = (1_u64..16, 0_u64..6, inner).prop_map(|(number, kind, value)| {
            let mut wire = Vec::new();
            encode_varint(number << 3 | kind, &mut wire);
            if kind == 2 {
                encode_varint(value.len() as u64, &mut wire);
            }
            wire.extend(value);
            wire
        });
        prop::collection::vec(field, 0..6).prop_map(|fields| fields.concat())
    });
    prop_oneof![inner, prop::collection::vec(any::<u8>(), 0..200)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever the bytes are: measuring ends, nothing panics, and what can be read takes no more than was counted.
    #[test]
    fn what_is_read_was_counted(wire in wire()) {
        let counted = footprint::<AgentExecutionStatus>(&wire, usize::MAX);
        if let Ok(read) = AgentExecutionStatus::decode(wire.as_slice()) {
            let calls = read.messages.iter().map(|m| m.tool_calls.len()).sum::<usize>();
            let takes = read.messages.len() * size_of::<AgentMessage>()
                + (calls + read.tool_calls.len()) * size_of::<ToolCall>()
                + read.sub_agent_executions.len() * size_of::<SubAgentExecution>()
                + read.todos.len() * size_of::<(String, TodoItem)>()
                + read.warnings.iter().map(|w| w.len() + size_of::<String>()).sum::<usize>();
            prop_assert!(counted >= takes, "{counted} for {takes}");
        }
        for most in [0, 100, 10_000] {
            let bounded = footprint::<AgentExecutionStatus>(&wire, most);
            prop_assert!(bounded == counted || bounded > most);
        }
        // The other messages that a client may send, nested in all ways.
        footprint::<Agent>(&wire, usize::MAX);
        footprint::<AgentExecution>(&wire, usize::MAX);
        let _ = Agent::decode(wire.as_slice());
        let _ = AgentExecution::decode(wire.as_slice());
    }
}
