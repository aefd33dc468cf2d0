//! What a server says, as far as this command understands it. A newer one may know phases and types
//! that this one does not, and anybody's arguments may hold what JSON does not know; such a value is
//! shown as unspecified, and costs itself alone.

use pbjson_types::{ListValue, Struct, Timestamp, Value, value::Kind};
use stigmer_api::{
    agent::Agent,
    agentexecution::{
        AgentExecution, AgentMessage, ExecutionPhase, MessageType, SubAgentStatus, TodoStatus,
        ToolCall, ToolCallStatus,
    },
    agentinstance::AgentInstance,
    apiresource::{ApiResourceOwnerScope, ApiResourceReference, apiresourcekind::ApiResourceKind},
    environment::Environment,
    resource::Resource,
    session::Session,
    skill::{Skill, SkillState},
};

/// The seconds of the years 1 to 9999, which alone are times of JSON.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// A resource that may say what we do not know.
pub(crate) trait Understood: Resource {
    /// Puts what stands for nothing in place of what is not understood in spec and status.
    fn understand_own(&mut self) {}

    /// The same in all of it.
    fn understand(&mut self) {
        if self.metadata().is_some() {
            known::<ApiResourceOwnerScope>(&mut self.metadata_mut().owner_scope);
        }
        if self.audit().is_some() {
            let audit = self.audit_mut();
            for info in [&mut audit.spec_audit, &mut audit.status_audit]
                .into_iter()
                .flatten()
            {
                time(&mut info.created_at);
                time(&mut info.updated_at);
            }
        }
        self.understand_own();
    }
}

impl Understood for AgentInstance {
    fn understand_own(&mut self) {
        let refs = self.spec.iter_mut().flat_map(|s| &mut s.environment_refs);
        refs.for_each(reference);
    }
}

impl Understood for Session {}

impl Understood for Environment {}

impl Understood for Agent {
    fn understand_own(&mut self) {
        let Some(spec) = &mut self.spec else { return };
        let subs = spec.sub_agents.iter_mut().flat_map(|s| &mut s.skill_refs);
        spec.skill_refs.iter_mut().chain(subs).for_each(reference);
    }
}

impl Understood for Skill {
    fn understand_own(&mut self) {
        if let Some(status) = &mut self.status {
            known::<SkillState>(&mut status.state);
        }
    }
}

impl Understood for AgentExecution {
    fn understand_own(&mut self) {
        let Some(status) = &mut self.status else {
            return;
        };
        known::<ExecutionPhase>(&mut status.phase);
        status.messages.iter_mut().for_each(message);
        status.tool_calls.iter_mut().for_each(tool_call);
        for sub in &mut status.sub_agent_executions {
            known::<SubAgentStatus>(&mut sub.status);
            sub.metadata.iter_mut().for_each(object);
        }
        for todo in status.todos.values_mut() {
            known::<TodoStatus>(&mut todo.status);
        }
    }
}

fn known<E: TryFrom<i32>>(number: &mut i32) {
    if E::try_from(*number).is_err() {
        *number = 0;
    }
}

fn reference(reference: &mut ApiResourceReference) {
    known::<ApiResourceOwnerScope>(&mut reference.scope);
    known::<ApiResourceKind>(&mut reference.kind);
}

fn message(message: &mut AgentMessage) {
    known::<MessageType>(&mut message.r#type);
    message.tool_calls.iter_mut().for_each(tool_call);
    message.metadata.iter_mut().for_each(object);
}

fn tool_call(call: &mut ToolCall) {
    known::<ToolCallStatus>(&mut call.status);
    call.args.iter_mut().for_each(object);
    let component = call.component_metadata.iter_mut();
    component.flat_map(|c| &mut c.metadata).for_each(object);
}

fn object(object: &mut Struct) {
    object.fields.values_mut().for_each(value);
}

fn value(value: &mut Value) {
    match &mut value.kind {
        Some(Kind::NumberValue(number)) if !number.is_finite() => {
            value.kind = Some(Kind::StringValue(number.to_string()));
        }
        Some(Kind::NullValue(number)) => *number = 0,
        Some(Kind::StructValue(inner)) => object(inner),
        Some(Kind::ListValue(ListValue { values })) => values.iter_mut().for_each(self::value),
        // JSON has a word for nothing.
        None => value.kind = Some(Kind::NullValue(0)),
        _ => {}
    }
}

fn time(time: &mut Option<Timestamp>) {
    let is_one =
        |t: &Timestamp| SECONDS.contains(&t.seconds) && (0..1_000_000_000).contains(&t.nanos);
    *time = time.take().filter(is_one);
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use stigmer_api::agentexecution::{AgentExecutionStatus, SubAgentExecution, TodoItem};

    use super::*;

    fn args(number: f64, null: i32) -> Struct {
        let of = |kind| Value { kind };
        let list = ListValue {
            values: vec![of(Some(Kind::NumberValue(number))), of(None)],
        };
        let fields = [
            ("n".to_owned(), of(Some(Kind::NumberValue(number)))),
            ("l".to_owned(), of(Some(Kind::ListValue(list)))),
            ("z".to_owned(), of(Some(Kind::NullValue(null)))),
        ];
        Struct {
            fields: fields.into(),
        }
    }

    proptest! {
        #[test]
        fn whatever_a_server_says_is_written(
            number in any::<i32>(), float in any::<f64>(), seconds in any::<i64>()
        ) {
            let mut execution = AgentExecution::default();
            execution.metadata_mut().owner_scope = number;
            let info = stigmer_api::apiresource::ApiResourceAuditInfo {
                created_at: Some(Timestamp { seconds, nanos: number }),
                ..Default::default()
            };
            execution.audit_mut().spec_audit = Some(info);
            let call = ToolCall { status: number, args: Some(args(float, number)), ..Default::default() };
            let mut status = AgentExecutionStatus { phase: number, ..Default::default() };
            status.messages = vec![AgentMessage { r#type: number, tool_calls: vec![call.clone()], ..Default::default() }];
            status.tool_calls = vec![call];
            status.sub_agent_executions = vec![SubAgentExecution { status: number, ..Default::default() }];
            status.todos.insert("a".to_owned(), TodoItem { status: number, ..Default::default() });
            let audit = execution.status.take().unwrap().audit;
            status.audit = audit;
            execution.status = Some(status);
            execution.understand();
            let json = serde_json::to_string(&execution).unwrap();
            prop_assert!(serde_json::from_str::<AgentExecution>(&json).is_ok(), "{json}");
        }
    }

    #[test]
    fn what_is_understood_stays() {
        let mut execution = AgentExecution::default();
        let status = execution.status.get_or_insert_default();
        status.set_phase(ExecutionPhase::ExecutionFailed);
        let call = ToolCall {
            args: Some(args(1.5, 0)),
            ..Default::default()
        };
        status.tool_calls = vec![call];
        let before = serde_json::to_value(execution.status.clone().unwrap().phase).unwrap();
        execution.understand();
        assert_eq!(execution.phase(), ExecutionPhase::ExecutionFailed);
        assert_eq!(before, 4);
        let args = execution.status.unwrap().tool_calls[0]
            .args
            .clone()
            .unwrap();
        assert_eq!(args.fields["n"].kind, Some(Kind::NumberValue(1.5)));
    }
}
