//! Services that export spans, and an execution to see them by.

use serde_json::json;
use stigmer_api::agent::Agent;
use test_e2e::{Answer, Api, Control, Instance, NewAgent, Output, Result, Script, Stack, unique};

use super::collector::HEADER;

pub(super) const LIBRARIAN: &str = "You are the librarian of this house.";
pub(super) type Env<'a> = Vec<(&'a str, &'a str)>;

/// What `docs/traces.md` has of OpenTelemetry's variables.
const VARIABLES: [&str; 11] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_SDK_DISABLED",
    "OTEL_TRACES_EXPORTER",
    "OTEL_TRACES_SAMPLER",
];

/// These and no others: what the user has set goes for the run's own services.
pub(super) fn alone<'a>(told: &[(&'a str, &'a str)]) -> Env<'a> {
    let others = VARIABLES
        .iter()
        .filter(|name| told.iter().all(|(it, _)| it != *name));
    let others = others.map(|name| (*name, ""));
    told.iter().copied().chain(others).collect()
}

/// A server and a runner that are told of a collector.
pub(super) struct Exporting {
    pub(super) server: Instance,
    pub(super) runner: Instance,
    /// What the runner is told.
    pub(super) env: Vec<(String, String)>,
}

impl Exporting {
    pub(super) async fn start(control: &mut Control, told: &Env<'_>) -> Result<Self> {
        const QUEUE: &str = "TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE";
        let queue = unique("queue");
        let mut env = alone(told);
        env.push((QUEUE, &queue));
        let server = control.start("server", &env).await?;
        let url = server.url()?.to_owned();
        env.push(("STIGMER_BACKEND_ENDPOINT", &url));
        env.push(("STIGMER_TURNS_PER_RUN", "1"));
        env.push(("STIGMER_DRAIN_SECONDS", "0"));
        let runner = control.start("runner", &env).await?;
        let env = env
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let env = env.collect();
        Ok(Self {
            server,
            runner,
            env,
        })
    }
}

pub(super) fn headers() -> String {
    format!("{}={}", HEADER.0, HEADER.1)
}

/// `stigmer run`, told of a collector.
pub(super) async fn run(
    stack: &Stack,
    server: &Instance,
    agent: &Agent,
    script: &Script,
    told: &Env<'_>,
) -> Result<Output> {
    let mut cli = stack.cli_at(server.url()?).env("TRACEPARENT", "");
    for (name, value) in alone(told) {
        cli = cli.env(name, value);
    }
    let slug = agent.metadata.clone().unwrap_or_default().slug;
    let args = ["run", &slug, "--message", "Ask the librarian, hush-7713."];
    let model = ["--model", script.model()];
    Ok(cli.run(args.iter().chain(&model)).await?)
}

/// An agent that notes something, asks a sub-agent, and says so.
pub(super) async fn asking(
    stack: &Stack,
    server: &Instance,
    name: &str,
) -> Result<(Agent, Script)> {
    let script = stack.script(name).await?;
    let note = json!({ "text": "hush-7714" });
    let question = json!({ "input": "Where is Moby Dick, hush-7715?" });
    let first = Answer::tool("note", note).usage(11, 7);
    script.answer(first).await?;
    script
        .answer(Answer::tool("agent_librarian", question))
        .await?;
    let third = Answer::text("Third shelf, hush-7716.").usage(5, 3);
    script.answer(third.when_system(LIBRARIAN)).await?;
    script.answer(Answer::text("There, hush-7717.")).await?;
    let agent = NewAgent::new(name).stdio(stack, &[])?;
    let agent = agent.sub_agent("librarian", LIBRARIAN, &[], &[], &[]);
    let agent = agent.apply(&Api::new(server.url()?)?).await?;
    Ok((agent, script))
}
