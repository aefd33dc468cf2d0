//! Services that export spans, and an execution to see them by.

use serde_json::json;
use stigmer_api::agent::Agent;
use test_e2e::{Answer, Api, Control, Instance, NewAgent, Output, Result, Script, Stack, unique};

use super::collector::HEADER;

pub(super) const LIBRARIAN: &str = "You are the librarian of this house.";
pub(super) type Env<'a> = Vec<(&'a str, &'a str)>;

/// A server and a runner that are told of a collector.
pub(super) struct Exporting {
    pub(super) server: Instance,
    pub(super) runner: Instance,
    pub(super) own: [(String, String); 2],
}

impl Exporting {
    pub(super) async fn start(control: &mut Control, told: &Env<'_>) -> Result<Self> {
        const QUEUE: &str = "TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE";
        let queue = unique("queue");
        let mut env = told.clone();
        env.push((QUEUE, &queue));
        let server = control.start("server", &env).await?;
        let url = server.url()?.to_owned();
        env.push(("STIGMER_BACKEND_ENDPOINT", &url));
        env.push(("STIGMER_TURNS_PER_RUN", "1"));
        env.push(("STIGMER_DRAIN_SECONDS", "0"));
        let runner = control.start("runner", &env).await?;
        let own = [
            (QUEUE.to_owned(), queue),
            ("STIGMER_BACKEND_ENDPOINT".to_owned(), url),
        ];
        Ok(Self {
            server,
            runner,
            own,
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
    for (name, value) in told {
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
    let third = Answer::text("Third shelf, hush-7716.").when_system(LIBRARIAN);
    script.answer(third).await?;
    script.answer(Answer::text("There, hush-7717.")).await?;
    let agent = NewAgent::new(name).stdio(stack, &[])?;
    let agent = agent.sub_agent("librarian", LIBRARIAN, &[], &[], &[]);
    let agent = agent.apply(&Api::new(server.url()?)?).await?;
    Ok((agent, script))
}
