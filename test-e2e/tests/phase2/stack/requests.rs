//! Spans of single requests to the server, as a collector takes them.

use stigmer_api::{
    Kind, agentexecution::AgentExecutionId, id, resource::Resource, trace::TraceContext,
};
use test_e2e::{Api, Control, Instance, NewAgent, Result, Stack, ensure, unique};
use tonic::{Code, Request, client::Grpc, codegen::http::uri::PathAndQuery};
use tonic_prost::ProstCodec;

use super::{
    collector::{Collector, Exported},
    exporting::{alone, headers},
};

const SUBSCRIBE: &str =
    "ai.stigmer.agentic.agentexecution.v1.AgentExecutionQueryController/subscribe";

/// A server that is told of a collector, and that no runner works for.
async fn start(control: &mut Control, collector: &Collector) -> Result<Instance> {
    let (headers, queue) = (headers(), unique("queue"));
    let mut env = alone(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", headers.as_str()),
    ]);
    env.push(("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE", &queue));
    Ok(control.start("server", &env).await?)
}

/// A request that is part of a trace.
fn part_of<T>(trace: TraceContext, message: T) -> Result<Request<T>> {
    let mut request = Request::new(message);
    let metadata = request.metadata_mut();
    metadata.insert("traceparent", trace.to_string().parse()?);
    Ok(request)
}

fn of_trace(collector: &Collector, trace: TraceContext) -> Result<Vec<Exported>> {
    let mut spans = collector.spans()?;
    spans.retain(|it| it.span.trace_id == trace.trace.bytes());
    Ok(spans)
}

#[tokio::test]
async fn a_client_that_errs_or_lets_go_is_no_fault_of_the_server() -> Result {
    let stack = Stack::get()?;
    let collector = Collector::start().await?;
    let mut control = stack.control().await?;
    let server = start(&mut control, &collector).await?;
    let api = Api::new(server.url()?)?;
    let agent = NewAgent::new("let-go").apply(&api).await?;
    let execution = api.new_execution(&agent, "Wait.").await?;
    let trace = TraceContext::root().child();
    let unknown = id::new(Kind::AgentExecution);
    for (value, code) in [("", Code::InvalidArgument), (&unknown, Code::NotFound)] {
        let value = value.to_owned();
        let request = part_of(trace, AgentExecutionId { value })?;
        let refused = api.execution_queries().get(request).await;
        ensure!(refused.is_err_and(|it| it.code() == code));
    }
    let id = AgentExecutionId {
        value: execution.id().to_owned(),
    };
    let subscribed = api
        .execution_queries()
        .subscribe(part_of(trace, id)?)
        .await?;
    let mut updates = subscribed.into_inner();
    ensure!(updates.message().await?.is_some());
    drop(updates);
    collector.until(SUBSCRIBE).await?;
    control.stop(&server).await?;

    let mut spans = of_trace(&collector, trace)?;
    spans.sort_by_key(|it| it.span.start_time_unix_nano);
    let codes: Vec<_> = spans
        .iter()
        .map(|it| it.attribute("rpc.response.status_code"))
        .collect();
    ensure!(codes == ["INVALID_ARGUMENT", "NOT_FOUND", "CANCELLED"]);
    ensure!(spans[2].attribute("rpc.method") == SUBSCRIBE);
    for it in &spans {
        ensure!(it.attribute("error.type").is_empty());
        ensure!(it.span.status.is_none());
    }
    Ok(())
}

#[tokio::test]
async fn a_method_that_a_client_made_up_is_not_named() -> Result {
    let stack = Stack::get()?;
    let collector = Collector::start().await?;
    let mut control = stack.control().await?;
    let server = start(&mut control, &collector).await?;
    let mut client = Grpc::new(Api::new(server.url()?)?.channel);
    let trace = TraceContext::root().child();
    let service = "/ai.stigmer.agentic.agent.v1.AgentQueryController/hush-8815";
    for path in ["/made.up.Hush/hush-8815", service] {
        client.ready().await?;
        let path = PathAndQuery::from_static(path);
        let codec = ProstCodec::<(), ()>::default();
        let answer = client.unary(part_of(trace, ())?, path, codec).await;
        ensure!(answer.is_err_and(|it| it.code() == Code::Unimplemented));
    }
    control.stop(&server).await?;

    let spans = of_trace(&collector, trace)?;
    ensure!(spans.len() == 2, "{spans:?}");
    for it in &spans {
        ensure!(it.span.name == "_OTHER");
        ensure!(it.attribute("rpc.method") == "_OTHER");
        ensure!(it.attribute("error.type") == "UNIMPLEMENTED");
    }
    ensure!(!collector.has_heard("hush-8815"));
    Ok(())
}

#[tokio::test]
async fn each_command_is_part_of_what_it_is_told() -> Result {
    let stack = Stack::get()?;
    let collector = Collector::start().await?;
    let mut control = stack.control().await?;
    let server = start(&mut control, &collector).await?;
    let agent = NewAgent::new("told")
        .apply(&Api::new(server.url()?)?)
        .await?;
    let trace = TraceContext::root().child();
    let told = trace.to_string();
    let cli = stack.cli_at(server.url()?).env("TRACEPARENT", &told);
    cli.run(["get", "agent", agent.slug()]).await?.ok()?;
    control.stop(&server).await?;

    let spans = of_trace(&collector, trace)?;
    ensure!(!spans.is_empty(), "{:?}", collector.spans()?);
    let parent = trace.span.to_be_bytes();
    ensure!(spans.iter().all(|it| it.span.parent_span_id == parent));
    Ok(())
}
