//! The server as a process, at limits that are the operating system's or the wire's.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::{
    io::BufRead,
    net::TcpStream,
    process::{Command, Stdio},
    time::Duration,
};

use common::{Server, binary, server, start};
use prost::{Message, Name};
use stigmer_api::{
    MAX_MESSAGE,
    agent::{
        Agent, McpServerDefinition,
        agent_command_controller_client::AgentCommandControllerClient as Agents,
    },
    agentexecution::{
        AgentExecutionId, AgentExecutionStatus, AgentExecutionUpdateStatusInput, AgentMessage,
        ToolCall,
        agent_execution_command_controller_client::AgentExecutionCommandControllerClient as Executions,
        agent_execution_query_controller_client::AgentExecutionQueryControllerClient as Queries,
    },
    footprint::{MAX_FOOTPRINT, footprint},
    resource::Resource,
};
use tonic::{Code, Status};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

async fn is_healthy(server: &Server) {
    let mut health = HealthClient::new(server.channel.clone());
    let checked = health.check(HealthCheckRequest::default()).await;
    assert_eq!(checked.unwrap().into_inner().status, 1);
}

#[tokio::test]
async fn it_listens_where_it_is_told_and_else_on_loopback_alone() {
    assert!(server().await.address.starts_with("127.0.0.1:"));
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "GRPC_HOST=0.0.0.0 exec \"$0\"", &binary()]);
    let everywhere = start(command).await;
    assert!(everywhere.address.starts_with("0.0.0.0:"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn it_serves_though_nobody_can_be_told_where_by_its_standard_output() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let server = common::start_unheard(full.unwrap()).await;
    is_healthy(&server).await;
    assert_eq!(server.announced(), server.address);
}

/// Clients have 5 s to let go, which is no use to one that is told only then.
#[tokio::test]
async fn told_to_stop_it_says_so_at_once_to_all_who_listen() {
    let server = server().await;
    let mut health = HealthClient::new(server.channel.clone());
    let health = health.watch(HealthCheckRequest::default()).await;
    let mut health = health.unwrap().into_inner();
    assert_eq!(health.message().await.unwrap().unwrap().status, 1);
    let agent = server.agent("a", 0).await.unwrap();
    let execution = server.execution(agent.id(), "hello".to_owned()).await;
    let value = execution.unwrap().id().to_owned();
    let mut queries = Queries::new(server.channel.clone());
    let states = queries.subscribe(AgentExecutionId { value }).await;
    let mut states = states.unwrap().into_inner();
    assert!(states.message().await.unwrap().is_some());
    server.term();
    let told = async {
        let last = health.message().await.unwrap().unwrap();
        assert_eq!(last.status(), ServingStatus::NotServing);
        let why = states.message().await.unwrap_err();
        assert_eq!(why.code(), Code::Unavailable, "{why:?}");
    };
    let in_time = tokio::time::timeout(Duration::from_secs(4), told).await;
    assert!(in_time.is_ok(), "they were not told before they had to go");
}

/// The most entries that a message may have, as `with` makes one of so many.
fn most<M: Name>(with: impl Fn(usize) -> M) -> usize {
    let [first, second] = [1, 2].map(|n| counted(&with(n)));
    (MAX_FOOTPRINT - first) / (second - first) + 1
}

fn counted<M: Name>(message: &M) -> usize {
    footprint::<M>(&message.encode_to_vec(), usize::MAX)
}

fn refused<T: std::fmt::Debug>(what: &str, answer: Result<T, Status>, code: Code) {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), code, "{what}: {status:?}");
    let words = "would take more than 128 MiB";
    let told = status.message().contains(words);
    assert_eq!(told, code == Code::OutOfRange, "{what}: {status:?}");
}

#[tokio::test]
async fn so_many_entries_are_read_and_no_more() {
    let server = server().await;
    let channel = || server.channel.clone();
    let report = |calls, text| {
        let message = AgentMessage {
            tool_calls: vec![ToolCall::default(); calls],
            content: "x".repeat(text),
            ..Default::default()
        };
        let status = AgentExecutionStatus {
            messages: vec![message],
            ..Default::default()
        };
        AgentExecutionUpdateStatusInput {
            status: Some(status),
            ..Default::default()
        }
    };
    // A text takes its bytes: what the calls leave.
    let calls = most(|calls| report(calls, 0));
    let left = MAX_FOOTPRINT - counted(&report(calls, 0));
    // What is read is refused by the rules of its kind.
    for (more, code) in [(0, Code::InvalidArgument), (1, Code::OutOfRange)] {
        let input = report(calls, left + more);
        assert_eq!(counted(&input), MAX_FOOTPRINT + more);
        let answer = Executions::new(channel()).update_status(input).await;
        refused("calls of a message", answer, code);
    }
    // Of any other method, too.
    let agent = |servers| {
        let mut agent = Agent::default();
        let spec = agent.spec.get_or_insert_default();
        spec.mcp_servers = vec![McpServerDefinition::default(); servers];
        agent
    };
    let applied = Agents::new(channel()).apply(agent(most(agent) + 1)).await;
    refused("servers", applied, Code::OutOfRange);
    is_healthy(&server).await;
    // It had 795 MiB for 4,000,000 messages of two bytes.
    #[cfg(target_os = "linux")]
    assert!(server.peak() < 400, "{} MiB", server.peak());
}

#[tokio::test]
async fn a_message_has_so_many_bytes_and_no_more() {
    let server = server().await;
    let mut agents = Agents::new(server.channel.clone());
    let mut agent = Agent::default();
    agent.spec.get_or_insert_default().instructions = "x".repeat(MAX_MESSAGE - 100);
    let missing = MAX_MESSAGE - agent.encoded_len();
    let spec = agent.spec.get_or_insert_default();
    spec.instructions.push_str(&"x".repeat(missing));
    assert_eq!(agent.encoded_len(), MAX_MESSAGE);
    // What is read is refused by the rules of its kind.
    let read = agents.create(agent.clone()).await.unwrap_err();
    assert_eq!(read.code(), Code::InvalidArgument, "{read:?}");
    agent.spec.get_or_insert_default().instructions.push('x');
    let refused = agents.create(agent).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused:?}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn out_of_file_descriptors_it_waits_for_some_and_says_so_once() {
    let mut command = Command::new("/bin/sh");
    let script = "ulimit -n 48; exec \"$0\"";
    command
        .args(["-c", script, &binary()])
        .stderr(Stdio::piped());
    let mut server = start(command).await;
    let mut log = server.log().lines().map(Result::unwrap);
    is_healthy(&server).await;
    // All that the kernel holds for who has not been taken yet, too.
    let mut clients = Vec::new();
    for _ in 0..100 {
        clients.push(TcpStream::connect(&server.address).unwrap());
    }
    let (lines, log) = tokio::task::spawn_blocking(move || {
        let mut lines = Vec::new();
        for line in log.by_ref() {
            let last = line.contains("no connection can be taken");
            lines.push(line);
            if last {
                break;
            }
        }
        (lines, log)
    })
    .await
    .unwrap();
    assert!(lines.last().unwrap().contains("no connection"), "{lines:?}");
    // Who is there is answered meanwhile.
    is_healthy(&server).await;
    drop(clients);
    let rest = tokio::task::spawn_blocking(move || {
        let mut rest = Vec::new();
        for line in log {
            let last = line.contains("connections are taken again");
            rest.push(line);
            if last {
                break;
            }
        }
        rest
    });
    let rest = rest.await.unwrap();
    let last = rest.last().unwrap();
    assert!(last.contains("connections are taken again"), "{rest:?}");
    assert!(
        !rest.iter().any(|l| l.contains("no connection")),
        "{rest:?}"
    );
    let anew = tonic::transport::Channel::from_shared(format!("http://{}", server.address));
    let anew = anew.unwrap().connect().await.unwrap();
    let mut health = HealthClient::new(anew);
    let checked = health.check(HealthCheckRequest::default()).await;
    assert_eq!(checked.unwrap().into_inner().status, 1);
}
