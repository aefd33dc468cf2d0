//! The execution's status, derived from what was said and done.

use serde_json::{Map, Value, json};
use stigmer_api::{
    agentexecution::{
        AgentExecutionStatus, AgentMessage, ComponentMetadata, MessageType, SubAgentExecution,
        SubAgentStatus, TokenUsage, ToolCall, ToolCallStatus,
    },
    json,
};

use crate::transcript::{self, Call, CallState, SubAgentRun, Tokens, Transcript};

/// Fills `status` with the `question` and the whole transcript.
pub(crate) fn fill(
    status: &mut AgentExecutionStatus,
    question: Vec<AgentMessage>,
    transcript: &Transcript,
) {
    status.messages = messages(question, transcript);
    status.tool_calls = transcript.calls().map(tool_call).collect();
    status.sub_agent_executions = transcript.sub_agents.iter().map(sub_agent).collect();
}

/// What was asked, then per turn the model's answer and one message for each call that ended.
pub(crate) fn messages(question: Vec<AgentMessage>, transcript: &Transcript) -> Vec<AgentMessage> {
    let mut messages = question;
    for turn in &transcript.turns {
        let mut answer = AgentMessage {
            finish_reason: turn.ending.finish_reason.clone(),
            model_name: turn.ending.model.clone(),
            usage: usage(turn.ending.tokens),
            ..ai_message(&turn.text, turn.at.clone())
        };
        answer.tool_calls = turn.calls.iter().map(tool_call).collect();
        messages.push(answer);
        let ended = turn.calls.iter().filter(|c| c.ended());
        messages.extend(ended.map(|call| AgentMessage {
            r#type: MessageType::MessageTool.into(),
            content: call.result.clone(),
            timestamp: call.completed_at.clone(),
            tool_calls: vec![tool_call(call)],
            ..Default::default()
        }));
    }
    messages
}

/// Tokens, where a server counted some.
pub(crate) fn usage(tokens: Tokens) -> Option<TokenUsage> {
    let count = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    (tokens != Tokens::default()).then(|| TokenUsage {
        input_tokens: count(tokens.input),
        output_tokens: count(tokens.output),
    })
}

/// What the agent said, and when.
pub(crate) fn ai_message(text: &str, timestamp: String) -> AgentMessage {
    AgentMessage {
        r#type: MessageType::MessageAi.into(),
        content: text.to_owned(),
        timestamp,
        ..Default::default()
    }
}

fn tool_call(call: &Call) -> ToolCall {
    let failed = call.state == CallState::Failed;
    let status = match call.state {
        CallState::Pending => ToolCallStatus::ToolCallPending,
        CallState::Running => ToolCallStatus::ToolCallRunning,
        CallState::Completed => ToolCallStatus::ToolCallCompleted,
        CallState::Failed => ToolCallStatus::ToolCallFailed,
    };
    let component = ComponentMetadata {
        component_type: call.component.kind.clone(),
        component_group: call.component.group.clone(),
        ..Default::default()
    };
    ToolCall {
        id: call.id.clone(),
        name: call.name.clone(),
        args: transcript::arguments(&call.arguments)
            .ok()
            .map(json::to_struct),
        result: call.result.clone(),
        status: status.into(),
        component_metadata: (!call.component.kind.is_empty()).then_some(component),
        started_at: call.started_at.clone(),
        completed_at: call.completed_at.clone(),
        error: if failed {
            call.result.clone()
        } else {
            String::new()
        },
    }
}

fn sub_agent(run: &SubAgentRun) -> SubAgentExecution {
    let status = match run.state {
        CallState::Pending => SubAgentStatus::SubAgentPending,
        CallState::Running => SubAgentStatus::SubAgentInProgress,
        CallState::Completed => SubAgentStatus::SubAgentCompleted,
        CallState::Failed => SubAgentStatus::SubAgentFailed,
    };
    let calls = run.calls.iter().map(plain).collect();
    let calls = Map::from_iter([("tool_calls".to_owned(), Value::Array(calls))]);
    SubAgentExecution {
        id: run.id.clone(),
        name: run.name.clone(),
        input: run.input.clone(),
        output: run.output.clone(),
        status: status.into(),
        started_at: run.started_at.clone(),
        completed_at: run.completed_at.clone(),
        error: run.error.clone(),
        usage: usage(run.ending.tokens),
        finish_reason: run.ending.finish_reason.clone(),
        metadata: Some(json::to_struct(calls)),
    }
}

/// A sub-agent's call, named as the fields of a `ToolCall`.
fn plain(call: &Call) -> Value {
    let shown = tool_call(call);
    json!({
        "id": shown.id,
        "name": shown.name,
        "args": transcript::arguments(&call.arguments).unwrap_or_default(),
        "result": shown.result,
        "status": shown.status().as_str_name(),
        "component_type": call.component.kind,
        "component_group": call.component.group,
        "started_at": shown.started_at,
        "completed_at": shown.completed_at,
        "error": shown.error,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::transcript::{Component, RequestedCall};

    fn transcript() -> Transcript {
        let requested = |id: &str| RequestedCall {
            id: id.to_owned(),
            name: "probe__add".to_owned(),
            arguments: r#"{"a":1,"deep":{"b":[true,null,"x"]}}"#.to_owned(),
        };
        let mut transcript = Transcript::default();
        transcript.answer(
            "I add.".to_owned(),
            "1".to_owned(),
            vec![requested("a"), requested("b")],
        );
        for call in &mut transcript.turns[0].calls {
            call.state = CallState::Running;
            call.component = Component {
                kind: "mcp".to_owned(),
                group: "probe".to_owned(),
            };
        }
        transcript
    }

    fn types(messages: &[AgentMessage]) -> Vec<MessageType> {
        messages.iter().map(AgentMessage::r#type).collect()
    }

    #[test]
    fn messages_come_in_the_order_of_what_happened() {
        use MessageType::{MessageAi, MessageHuman, MessageTool};
        let human = || {
            vec![AgentMessage {
                r#type: MessageHuman.into(),
                ..Default::default()
            }]
        };
        let mut transcript = transcript();
        assert_eq!(
            types(&messages(human(), &transcript)),
            [MessageHuman, MessageAi]
        );
        transcript.turns[0].calls[1].end(false, "2".to_owned(), "3".to_owned());
        transcript.turns[0].calls[0].end(true, "no".to_owned(), "4".to_owned());
        transcript.answer("Done.".to_owned(), "5".to_owned(), Vec::new());
        let shown = messages(human(), &transcript);
        assert_eq!(
            types(&shown),
            [MessageHuman, MessageAi, MessageTool, MessageTool, MessageAi]
        );
        // In the order of the calls, not of their ends.
        assert_eq!(
            (shown[2].content.as_str(), shown[3].content.as_str()),
            ("no", "2")
        );
        let at = shown.iter().map(|message| message.timestamp.as_str());
        assert_eq!(at.collect::<Vec<_>>(), ["", "1", "4", "3", "5"]);
        assert_eq!(shown[2].tool_calls[0], shown[1].tool_calls[0]);
        assert_eq!(shown[2].tool_calls[0].error, "no");
        assert_eq!(shown[3].tool_calls[0].error, "");
    }

    #[test]
    fn calls_are_shown_with_all_that_is_known() {
        let mut status = AgentExecutionStatus::default();
        let mut transcript = transcript();
        transcript.turns[0].calls[0].started_at = "2".to_owned();
        transcript.turns[0].calls[0].end(false, "2".to_owned(), "3".to_owned());
        fill(&mut status, Vec::new(), &transcript);
        let call = serde_json::to_value(&status.tool_calls[0]).unwrap();
        assert_eq!(
            call,
            json!({
                "id": "a", "name": "probe__add", "result": "2", "status": "TOOL_CALL_COMPLETED",
                "args": {"a": 1.0, "deep": {"b": [true, null, "x"]}},
                "componentMetadata": {"componentType": "mcp", "componentGroup": "probe"},
                "startedAt": "2", "completedAt": "3",
            })
        );
        assert_eq!(
            status.tool_calls[1].status(),
            ToolCallStatus::ToolCallRunning
        );
    }

    #[test]
    fn a_sub_agent_is_shown_with_its_own_calls() {
        let mut transcript = transcript();
        let calls = transcript.turns[0].calls.clone();
        transcript.sub_agents.push(SubAgentRun {
            id: "a".to_owned(),
            state: CallState::Running,
            calls,
            ..SubAgentRun::default()
        });
        let mut status = AgentExecutionStatus::default();
        fill(&mut status, Vec::new(), &transcript);
        let sub = &status.sub_agent_executions[0];
        assert_eq!(sub.status(), SubAgentStatus::SubAgentInProgress);
        let metadata = serde_json::to_value(&sub.metadata).unwrap();
        assert_eq!(metadata["tool_calls"][1]["status"], "TOOL_CALL_RUNNING");
    }

    #[test]
    fn arguments_as_deep_as_they_may_be_can_be_told() {
        use prost::Message;
        let arguments = format!("{}3000000000{}", r#"{"a":"#.repeat(24), "}".repeat(24));
        let mut transcript = transcript();
        transcript.turns[0].calls[0].arguments = arguments;
        transcript.sub_agents.push(SubAgentRun {
            calls: transcript.turns[0].calls.clone(),
            ..SubAgentRun::default()
        });
        let mut status = AgentExecutionStatus::default();
        fill(&mut status, Vec::new(), &transcript);
        assert!(status.tool_calls[0].args.is_some());
        let execution = stigmer_api::agentexecution::AgentExecution {
            status: Some(status),
            ..Default::default()
        };
        let list = stigmer_api::agentexecution::AgentExecutionList {
            entries: vec![execution],
            ..Default::default()
        };
        let told = list.encode_to_vec();
        let read = stigmer_api::agentexecution::AgentExecutionList::decode(&told[..]);
        assert_eq!(read.unwrap(), list);
    }
}
