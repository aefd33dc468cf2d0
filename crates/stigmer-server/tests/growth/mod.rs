//! How time and memory of the server grow with what it keeps, as rows of a table in Markdown.

use std::{fmt::Write, time::Instant};

use futures::{StreamExt, stream};
use stigmer_api::{
    agent::{
        ListAgentsRequest, agent_query_controller_client::AgentQueryControllerClient as Agents,
    },
    agentexecution::{
        AgentExecution, AgentExecutionId, AgentExecutionSpec, AgentExecutionStatus,
        AgentExecutionUpdateStatusInput, ExecutionPhase as Phase,
        ListAgentExecutionsBySessionRequest, ListAgentExecutionsRequest,
        agent_execution_command_controller_client::AgentExecutionCommandControllerClient as Executions,
        agent_execution_query_controller_client::AgentExecutionQueryControllerClient as Queries,
    },
    resource::Resource,
};
use tonic::{Response, Status, transport::Channel};

use crate::common::{Server, server};

const KEPT: [usize; 3] = [1_000, 10_000, 100_000];
/// The median of so many calls, one after the other.
const CALLS: usize = 51;

/// One row a name, one figure a column.
#[derive(Default)]
struct Table(Vec<(String, Vec<String>)>);

impl Table {
    fn add(&mut self, name: &str, value: String) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.push(value),
            None => self.0.push((name.to_owned(), vec![value])),
        }
    }

    async fn time<T, F: Future<Output = Result<Response<T>, Status>>>(
        &mut self,
        name: &str,
        call: impl Fn() -> F,
    ) {
        let mut samples = Vec::new();
        for _ in 0..CALLS {
            let begun = Instant::now();
            call().await.unwrap();
            samples.push(begun.elapsed());
        }
        samples.sort_unstable();
        let median = samples[CALLS / 2].as_secs_f64() * 1000.0;
        self.add(name, format!("{median:.2} ms"));
    }

    fn print(&self, of: &str, columns: &[usize]) {
        let mut text = format!("| {of} |");
        columns.iter().for_each(|n| write!(text, " {n} |").unwrap());
        println!("\n{text}\n|---|{}", "---|".repeat(columns.len()));
        for (name, values) in &self.0 {
            println!("| {name} | {} |", values.join(" | "));
        }
    }
}

/// Creates executions, 200 at a time, until there are `total`; a session's where there is one.
async fn fill(server: &Server, agent: &str, session: &str, have: usize, total: usize) -> f64 {
    let spec = AgentExecutionSpec {
        agent_id: agent.to_owned(),
        session_id: session.to_owned(),
        message: "hello".to_owned(),
        ..Default::default()
    };
    let begun = Instant::now();
    let mut doing = stream::iter(have..total)
        .map(|_| create(&server.channel, spec.clone()))
        .buffer_unordered(200);
    while let Some(done) = doing.next().await {
        done.unwrap();
    }
    begun.elapsed().as_secs_f64()
}

async fn create(channel: &Channel, spec: AgentExecutionSpec) -> Result<AgentExecution, Status> {
    let mut execution = AgentExecution {
        spec: Some(spec),
        ..Default::default()
    };
    execution.set_envelope();
    "execution".clone_into(&mut execution.metadata_mut().name);
    let created = Executions::new(channel.clone()).create(execution).await?;
    Ok(created.into_inner())
}

fn listed(phase: Phase) -> ListAgentExecutionsRequest {
    ListAgentExecutionsRequest {
        phase: phase.into(),
        ..Default::default()
    }
}

pub(crate) async fn executions_kept() {
    let mut server = server().await;
    let agent = server.agent("busy", 0).await.unwrap();
    let mut table = Table::default();
    let mut have = 0;
    for kept in KEPT {
        fill(&server, agent.id(), "", have, kept - 1_000).await;
        let took = fill(&server, agent.id(), "", kept - 1_000, kept - 1).await;
        have = kept;
        table.add(
            "1,000 more created, 200 at a time",
            format!("{:.0} ms", took * 1000.0),
        );
        let last = server
            .execution(agent.id(), "hello".to_owned())
            .await
            .unwrap();
        let (id, session) = (
            last.id().to_owned(),
            last.spec.unwrap_or_default().session_id,
        );
        let channel = server.channel.clone();
        let executions = || Executions::new(channel.clone());
        let queries = || Queries::new(channel.clone());
        let value = || AgentExecutionId { value: id.clone() };
        table
            .time("get", || async { queries().get(value()).await })
            .await;
        let report = || AgentExecutionUpdateStatusInput {
            execution_id: id.clone(),
            status: Some(AgentExecutionStatus {
                phase: Phase::ExecutionInProgress.into(),
                ..Default::default()
            }),
        };
        table
            .time("updateStatus", || async {
                executions().update_status(report()).await
            })
            .await;
        let all = || async { queries().list(listed(Phase::Unspecified)).await };
        table.time("list, first page", all).await;
        let none = || async { queries().list(listed(Phase::ExecutionFailed)).await };
        table.time("list of a phase that none has", none).await;
        let tagged = || ListAgentExecutionsRequest {
            tags: vec!["none".to_owned()],
            ..Default::default()
        };
        let untagged = || async { queries().list(tagged()).await };
        table.time("list of a tag that none has", untagged).await;
        let of_session = || ListAgentExecutionsBySessionRequest {
            session_id: session.clone(),
            ..Default::default()
        };
        let its = || async { queries().list_by_session(of_session()).await };
        table.time("listBySession of one", its).await;
        let seen = || async {
            let mut states = queries().subscribe(value()).await?.into_inner();
            states.message().await.map(Response::new)
        };
        table.time("subscribe, first state", seen).await;
        table.add("memory", format!("{} MiB", server.resident()));
        table.add("database", format!("{} MiB", server.stored() >> 20));
        let begun = Instant::now();
        server.restart().await;
        table.add(
            "start on it",
            format!("{:.0} ms", begun.elapsed().as_secs_f64() * 1000.0),
        );
        table.add(
            "memory after the start",
            format!("{} MiB", server.resident()),
        );
        let begun = Instant::now();
        let mut queries = Queries::new(server.channel.clone());
        queries.list(listed(Phase::Unspecified)).await.unwrap();
        table.add(
            "first list after the start",
            format!("{:.0} ms", begun.elapsed().as_secs_f64() * 1000.0),
        );
    }
    table.print("executions kept", &KEPT);
}

pub(crate) async fn a_sessions_length() {
    const LENGTHS: [usize; 3] = [10, 100, 1_000];
    let server = server().await;
    let agent = server.agent("busy", 0).await.unwrap();
    let mut table = Table::default();
    let first = server
        .execution(agent.id(), "hello".to_owned())
        .await
        .unwrap();
    let session = first.spec.unwrap_or_default().session_id;
    let mut have = 1;
    for length in LENGTHS {
        fill(&server, agent.id(), &session, have, length).await;
        have = length;
        let channel = server.channel.clone();
        let page = || async {
            let request = ListAgentExecutionsBySessionRequest {
                session_id: session.clone(),
                ..Default::default()
            };
            Queries::new(channel.clone()).list_by_session(request).await
        };
        table.time("listBySession, first page", page).await;
        let next = || async {
            let spec = AgentExecutionSpec {
                agent_id: agent.id().to_owned(),
                session_id: session.clone(),
                message: "hello".to_owned(),
                ..Default::default()
            };
            create(&channel, spec).await.map(Response::new)
        };
        table.time("create one more", next).await;
        have += CALLS;
    }
    table.print("executions of one session", &LENGTHS);
}

pub(crate) async fn agents_kept() {
    const AGENTS: [usize; 3] = [100, 1_000, 10_000];
    let server = server().await;
    let mut table = Table::default();
    let mut have = 0;
    for agents in AGENTS {
        let mut doing = stream::iter(have..agents)
            .map(|n| {
                let server = &server;
                async move { server.agent(&format!("agent-{n}"), 0).await }
            })
            .buffer_unordered(200);
        while let Some(done) = doing.next().await {
            done.unwrap();
        }
        have = agents;
        let channel = server.channel.clone();
        let again = || async { server.agent("agent-7", 0).await.map(Response::new) };
        table.time("apply of one that is there", again).await;
        let list = || async {
            Agents::new(channel.clone())
                .list(ListAgentsRequest::default())
                .await
        };
        table.time("list, first page", list).await;
        table.add("memory", format!("{} MiB", server.resident()));
    }
    table.print("agents kept", &AGENTS);
}
