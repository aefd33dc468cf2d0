//! What of an execution is exported as spans, by `OpenTelemetry`'s conventions for generative AI. None of them holds a
//! word of what was asked, answered, or given to a tool.
//!
//! An agent's span is told at its end by whichever runner reports that, and has an id by which any runner can name it
//! before: so what several of them do, also after a restart, stands below one span.

use std::time::SystemTime;

use chrono::DateTime;
use hmac_sha256::Hash;
use otlp::{Kind, Span};
use stigmer_api::{
    agentexecution::{
        AgentExecution, AgentExecutionStatus, ExecutionPhase, SubAgentExecution, SubAgentStatus,
        TokenUsage,
    },
    resource::Resource,
    trace::TraceContext,
};

/// The place of an agent in the trace of its execution: of the main agent, or of the sub-agent whose workflow that is.
pub(crate) fn of_agent(
    trace: Option<TraceContext>,
    execution: &str,
    workflow: &str,
) -> Option<TraceContext> {
    let call = workflow.split_once(execution).map_or("", |(_, rest)| rest);
    let span = id(execution, call.trim_start_matches('/'));
    trace.map(|it| TraceContext { span, ..it })
}

/// Of the main agent's span, or that of the sub-agent which was asked by this call.
fn id(execution: &str, call: &str) -> u64 {
    let key = Hash::hash(format!("{execution}/{call}").as_bytes());
    let first = key.first_chunk().copied().unwrap_or_default();
    u64::from_be_bytes(first) | 1 // nought is none
}

/// A question to the model.
pub(crate) fn chat(agent: Option<TraceContext>, model: &str) -> Span {
    let mut span = Span::begin(Kind::Client, agent, || named("chat", model));
    span.text("gen_ai.operation.name", "chat");
    span.text("gen_ai.request.model", model);
    span
}

/// A call of a tool.
pub(crate) fn tool(agent: Option<TraceContext>, name: &str, call: &str) -> Span {
    let mut span = Span::begin(Kind::Internal, agent, || named("execute_tool", name));
    span.text("gen_ai.operation.name", "execute_tool");
    span.text("gen_ai.tool.name", name);
    span.text("gen_ai.tool.call.id", call);
    span
}

/// What a request of it says that it is part of.
pub(crate) fn traceparent(span: &Span, agent: Option<TraceContext>) -> Option<String> {
    let own = span.context();
    let own = own.or_else(|| agent.map(TraceContext::child));
    own.map(|it| it.to_string())
}

/// The agents of an execution that has ended.
pub(crate) fn ended(execution: &AgentExecution, name: &str) {
    let Some(trace) = TraceContext::of_execution(execution) else {
        return;
    };
    let nothing = AgentExecutionStatus::default();
    let status = execution.status.as_ref().unwrap_or(&nothing);
    let session = execution.spec.as_ref().map_or("", |it| &it.session_id);
    let mut span = agent(trace, id(execution.id(), ""), name, session);
    usage(&mut span, status.usage.as_ref());
    lasted(&mut span, &status.started_at, &status.completed_at);
    match status.phase() {
        ExecutionPhase::ExecutionCompleted => {}
        ExecutionPhase::ExecutionCancelled => span.fail("cancelled"),
        _ => span.fail("execution_failed"),
    }
    let main = span.context();
    span.end();
    for sub in &status.sub_agent_executions {
        if let Some(main) = main {
            sub_agent(main, execution.id(), sub, session);
        }
    }
}

fn sub_agent(main: TraceContext, execution: &str, sub: &SubAgentExecution, session: &str) {
    let mut span = agent(main, id(execution, &sub.id), &sub.name, session);
    usage(&mut span, sub.usage.as_ref());
    lasted(&mut span, &sub.started_at, &sub.completed_at);
    if sub.status() != SubAgentStatus::SubAgentCompleted {
        span.fail("sub_agent_failed");
    }
    span.end();
}

fn agent(parent: TraceContext, id: u64, name: &str, session: &str) -> Span {
    let named = || named("invoke_agent", name);
    let mut span = Span::of_id(Kind::Internal, Some(parent), id, named);
    span.text("gen_ai.operation.name", "invoke_agent");
    span.text("gen_ai.agent.name", name);
    span.text("gen_ai.conversation.id", session);
    span
}

fn named(operation: &str, of: &str) -> String {
    format!("{operation} {of}").trim_end().to_owned()
}

fn usage(span: &mut Span, usage: Option<&TokenUsage>) {
    if let Some(usage) = usage {
        span.number("gen_ai.usage.input_tokens", usage.input_tokens);
        span.number("gen_ai.usage.output_tokens", usage.output_tokens);
    }
}

fn lasted(span: &mut Span, from: &str, to: &str) {
    let at = |text| {
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(SystemTime::from)
    };
    let to = at(to).unwrap_or_else(SystemTime::now);
    span.lasted(at(from).unwrap_or(to), to);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runner_names_an_agents_span_alike() {
        let of = |workflow: &str| {
            let trace = Some(TraceContext::root());
            of_agent(trace, "aex-1", workflow).map(|it| it.span)
        };
        let main = of("stigmer/agent-execution/invoke/aex-1");
        assert_eq!(main, Some(id("aex-1", "")));
        assert_eq!(main, of("stigmer/agent-execution/run/aex-1"));
        let sub = of("stigmer/agent-execution/invoke/aex-1/call-7");
        assert_eq!(sub, Some(id("aex-1", "call-7")));
        assert_ne!(main, sub);
        assert_ne!(id("aex-1", ""), id("aex-2", ""));
    }

    #[test]
    fn a_request_is_part_of_a_trace_where_no_spans_are_exported_too() {
        let root = TraceContext::root();
        let agent = of_agent(Some(root), "aex-1", "");
        let told = || traceparent(&Span::default(), agent);
        let told = [told(), told()].map(|it| TraceContext::of(&it.unwrap_or_default()));
        assert_ne!(told[0], told[1]);
        assert_eq!(told.map(|it| it.map(|it| it.trace)), [Some(root.trace); 2]);
        let unwanted = agent.map(|it| TraceContext {
            sampled: false,
            ..it
        });
        let told = traceparent(&Span::default(), unwanted);
        assert!(told.is_some_and(|it| it.ends_with("-00")));
        assert_eq!(traceparent(&Span::default(), None), None);
    }
}
