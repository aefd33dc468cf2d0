//! The rules of what a runner reports.

use pbjson_types::{ListValue, Struct, Value, value::Kind};

use super::{Checker, Violations};
use crate::{
    limits,
    proto::agentexecution::{
        AgentExecutionStatus, AgentMessage, ExecutionPhase, MessageType, SubAgentStatus,
        TodoStatus, ToolCall, ToolCallStatus,
    },
};

/// Checks that a status has only numbers that the contract knows, and nothing that a list could not
/// tell.
///
/// # Errors
/// All rules that are broken.
pub fn check(status: &AgentExecutionStatus) -> Result<(), Violations> {
    let mut check = Checker::default();
    let known = ExecutionPhase::try_from(status.phase).is_ok();
    check.that("status.phase", known, || unknown(status.phase));
    if check.at_most("status.messages", status.messages.len(), limits::REPORTED) {
        for (i, message) in status.messages.iter().enumerate() {
            check_message(&mut check, &format!("status.messages[{i}]"), message);
        }
    }
    check_calls(&mut check, "status.tool_calls", &status.tool_calls);
    let subs = &status.sub_agent_executions;
    if check.at_most("status.sub_agent_executions", subs.len(), limits::REPORTED) {
        for (i, sub) in subs.iter().enumerate() {
            let at = format!("status.sub_agent_executions[{i}]");
            let known = SubAgentStatus::try_from(sub.status).is_ok();
            check.that(&format!("{at}.status"), known, || unknown(sub.status));
            check_json(&mut check, &format!("{at}.metadata"), sub.metadata.as_ref());
        }
    }
    if check.at_most("status.todos", status.todos.len(), limits::REPORTED) {
        for (key, todo) in &status.todos {
            let known = TodoStatus::try_from(todo.status).is_ok();
            check.that(&format!("status.todos[{key}].status"), known, || {
                unknown(todo.status)
            });
        }
    }
    check.finish()
}

fn unknown(number: i32) -> String {
    format!("{number} is none that the contract knows")
}

fn check_message(check: &mut Checker, at: &str, message: &AgentMessage) {
    let known = MessageType::try_from(message.r#type).is_ok();
    check.that(&format!("{at}.type"), known, || unknown(message.r#type));
    check_calls(check, &format!("{at}.tool_calls"), &message.tool_calls);
    check_json(check, &format!("{at}.metadata"), message.metadata.as_ref());
}

fn check_calls(check: &mut Checker, at: &str, calls: &[ToolCall]) {
    if !check.at_most(at, calls.len(), limits::REPORTED) {
        return;
    }
    for (i, call) in calls.iter().enumerate() {
        let at = format!("{at}[{i}]");
        let known = ToolCallStatus::try_from(call.status).is_ok();
        check.that(&format!("{at}.status"), known, || unknown(call.status));
        check_json(check, &format!("{at}.args"), call.args.as_ref());
        let component = call.component_metadata.as_ref();
        let metadata = component.and_then(|c| c.metadata.as_ref());
        check_json(
            check,
            &format!("{at}.component_metadata.metadata"),
            metadata,
        );
    }
}

fn check_json(check: &mut Checker, at: &str, object: Option<&Struct>) {
    if let Some(why) = object.and_then(|object| fault_of_object(object, limits::JSON_DEPTH)) {
        check.fail(at, why);
    }
}

/// What JSON could not say, or nobody could read; `depth` is how many levels there may be.
fn fault_of_object(object: &Struct, depth: usize) -> Option<String> {
    if depth == 0 {
        return Some(format!(
            "must not be nested deeper than {} levels",
            limits::JSON_DEPTH
        ));
    }
    object.fields.values().find_map(|value| fault(value, depth))
}

fn fault(value: &Value, depth: usize) -> Option<String> {
    match &value.kind {
        Some(Kind::NumberValue(number)) if !number.is_finite() => {
            Some(format!("{number} is no number of JSON"))
        }
        Some(Kind::StructValue(object)) => fault_of_object(object, depth - 1),
        Some(Kind::ListValue(list)) => fault_of_list(list, depth - 1),
        _ => None,
    }
}

fn fault_of_list(list: &ListValue, depth: usize) -> Option<String> {
    match depth {
        0 => fault_of_object(&Struct::default(), 0),
        _ => list.values.iter().find_map(|value| fault(value, depth)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::agentexecution::{ComponentMetadata, SubAgentExecution};

    fn told(status: &AgentExecutionStatus) -> String {
        check(status)
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default()
    }

    fn with_args(args: Struct) -> AgentExecutionStatus {
        let args = Some(args);
        let call = ToolCall {
            args,
            ..Default::default()
        };
        let tool_calls = vec![call];
        AgentExecutionStatus {
            tool_calls,
            ..Default::default()
        }
    }

    fn object(kind: Kind) -> Struct {
        let kind = Some(kind);
        Struct {
            fields: [("a".to_owned(), Value { kind })].into(),
        }
    }

    #[test]
    fn arguments_are_nested_so_deep_and_no_deeper() {
        for list in [false, true] {
            let mut args = object(Kind::BoolValue(true));
            for level in 2..=limits::JSON_DEPTH + 1 {
                let values = vec![Value {
                    kind: Some(Kind::StructValue(args.clone())),
                }];
                args = match list && level % 2 == 0 {
                    // A list is a level too.
                    true if level < limits::JSON_DEPTH => {
                        object(Kind::ListValue(ListValue { values }))
                    }
                    _ => object(Kind::StructValue(args)),
                };
                let told = told(&with_args(args.clone()));
                if !list {
                    assert_eq!(
                        told.is_empty(),
                        level <= limits::JSON_DEPTH,
                        "{level}: {told}"
                    );
                }
            }
            let told = told(&with_args(args));
            assert!(
                told.contains("status.tool_calls[0].args: must not be nested"),
                "{told}"
            );
        }
    }

    #[test]
    fn numbers_that_nothing_stands_for_are_refused() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let told = told(&with_args(object(Kind::NumberValue(number))));
            assert!(told.contains("no number of JSON"), "{told}");
        }
        assert_eq!(told(&with_args(object(Kind::NumberValue(f64::MAX)))), "");
        let mut status = AgentExecutionStatus {
            phase: 6,
            ..Default::default()
        };
        status.messages = vec![AgentMessage {
            r#type: 5,
            ..Default::default()
        }];
        status.tool_calls = vec![ToolCall {
            status: -1,
            ..Default::default()
        }];
        let told = told(&status);
        for field in [
            "phase: 6",
            "messages[0].type: 5",
            "tool_calls[0].status: -1",
        ] {
            assert!(told.contains(field), "{told}");
        }
    }

    #[test]
    fn every_object_of_a_report_is_looked_at() {
        let metadata = Some(object(Kind::NumberValue(f64::NAN)));
        let component = ComponentMetadata {
            metadata: metadata.clone(),
            ..Default::default()
        };
        let told = told(&AgentExecutionStatus {
            messages: vec![AgentMessage {
                metadata: metadata.clone(),
                ..Default::default()
            }],
            tool_calls: vec![ToolCall {
                component_metadata: Some(component),
                ..Default::default()
            }],
            sub_agent_executions: vec![SubAgentExecution {
                metadata,
                ..Default::default()
            }],
            ..Default::default()
        });
        for at in [
            "messages[0]",
            "tool_calls[0].component_metadata",
            "sub_agent_executions[0]",
        ] {
            assert!(told.contains(&format!("{at}.metadata: NaN")), "{told}");
        }
    }

    #[test]
    fn so_many_are_reported_and_no_more() {
        let mut status = AgentExecutionStatus {
            messages: vec![AgentMessage::default(); limits::REPORTED],
            ..Default::default()
        };
        assert_eq!(told(&status), "");
        status.messages.push(AgentMessage::default());
        assert!(told(&status).contains("status.messages: must have at most 10000"));
    }
}
