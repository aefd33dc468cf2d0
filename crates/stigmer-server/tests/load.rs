//! How long the server takes for many at once, and for the worst that one request can be.
//!
//! Not a test but a measure; `docs/contributing.md` says how it is run.
#![expect(clippy::unwrap_used, reason = "a measure that cannot go on has failed")]

mod common;
mod growth;

use std::time::Instant;

use common::server;
use futures::{StreamExt, stream};
use prost::Message;
use stigmer_api::{
    agentexecution::{
        AgentExecutionId, AgentExecutionStatus, AgentExecutionUpdateStatusInput, AgentMessage,
        ExecutionPhase as Phase,
        agent_execution_command_controller_client::AgentExecutionCommandControllerClient as Executions,
        agent_execution_query_controller_client::AgentExecutionQueryControllerClient as Queries,
    },
    resource::Resource,
};

#[tokio::test]
#[ignore = "a measure"]
async fn ten_thousand_creates_with_two_hundred_under_way() {
    let server = server().await;
    let agent = server.agent("busy", 0).await.unwrap();
    let id = agent.id();
    let begun = Instant::now();
    let all = stream::iter(0..10_000).map(|_| server.execution(id, "hello".to_owned()));
    let done = all
        .buffer_unordered(200)
        .filter(|r| std::future::ready(r.is_ok()))
        .count()
        .await;
    let took = begun.elapsed();
    println!(
        "{done} executions created in {took:.1?}, peak {} MiB",
        server.peak()
    );
    assert_eq!(done, 10_000);
}

#[tokio::test]
#[ignore = "a measure"]
async fn a_thousand_subscribers_of_an_execution_with_a_hundred_updates() {
    let server = server().await;
    let agent = server.agent("busy", 0).await.unwrap();
    let execution = server.execution(agent.id(), "hello".to_owned()).await;
    let id = execution.unwrap().id().to_owned();
    let begun = Instant::now();
    let mut streams = Vec::new();
    for _ in 0..1_000 {
        let mut queries = Queries::new(server.channel.clone());
        let value = id.clone();
        let stream = queries.subscribe(AgentExecutionId { value }).await.unwrap();
        streams.push(stream.into_inner());
    }
    println!("1,000 subscribed in {:.1?}", begun.elapsed());
    let begun = Instant::now();
    let reading: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            tokio::spawn(async move {
                let mut updates = 0;
                while let Some(state) = stream.message().await.unwrap() {
                    updates += 1;
                    if state.phase().is_terminal() {
                        break;
                    }
                }
                updates
            })
        })
        .collect();
    let mut executions = Executions::new(server.channel.clone());
    for i in 1..=100 {
        let phase = match i {
            100 => Phase::ExecutionCompleted,
            _ => Phase::ExecutionInProgress,
        };
        let status = AgentExecutionStatus {
            phase: phase.into(),
            phase_reason: format!("update {i}"),
            ..Default::default()
        };
        let input = AgentExecutionUpdateStatusInput {
            execution_id: id.clone(),
            status: Some(status),
        };
        executions.update_status(input).await.unwrap();
    }
    println!("100 updates told in {:.1?}", begun.elapsed());
    let mut told = 0;
    for reader in reading {
        told += reader.await.unwrap();
    }
    println!(
        "{told} states read in {:.1?}, peak {} MiB",
        begun.elapsed(),
        server.peak()
    );
    // Each sees the state at its beginning and each update.
    assert_eq!(told, 101_000);
}

#[tokio::test]
#[ignore = "a measure"]
async fn growth_with_what_is_kept() {
    growth::executions_kept().await;
    growth::a_sessions_length().await;
    growth::agents_kept().await;
}

#[tokio::test]
#[ignore = "a measure"]
async fn the_worst_inputs() {
    let server = server().await;
    let agent = server.agent("plain", 0).await.unwrap();
    let begun = Instant::now();
    let refused = server.agent("many", 56_000).await.err().map(|s| s.code());
    println!(
        "56,000 MCP servers: {refused:?} after {:.1?}",
        begun.elapsed()
    );
    let begun = Instant::now();
    let large = server.execution(agent.id(), "x".repeat(6_000_000)).await;
    let large = large.err().map(|s| s.code());
    println!("a message of 6 MB: {large:?} after {:.1?}", begun.elapsed());
    let small = server
        .execution(agent.id(), "hello".to_owned())
        .await
        .unwrap();
    let input = AgentExecutionUpdateStatusInput {
        execution_id: small.id().to_owned(),
        status: Some(AgentExecutionStatus {
            messages: vec![AgentMessage::default(); 4_000_000],
            ..Default::default()
        }),
    };
    let begun = Instant::now();
    drop(input.encode_to_vec());
    println!("its client writes them in {:.1?}", begun.elapsed());
    let begun = Instant::now();
    let mut executions = Executions::new(server.channel.clone());
    let reported = executions
        .update_status(input)
        .await
        .err()
        .map(|s| s.code());
    println!(
        "4,000,000 empty messages: {reported:?} after {:.1?}",
        begun.elapsed()
    );
    println!("peak {} MiB", server.peak());
}
