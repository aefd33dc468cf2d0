//! How long the server takes for many at once, and for the worst that one request can be.
//!
//! Not a test but a measure: `cargo test -p stigmer-server --test load -- --ignored --nocapture`.
//! `STIGMER_SERVER_BIN` names another server to compare with.
#![expect(clippy::unwrap_used, reason = "a measure that cannot go on has failed")]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Instant,
};

use futures::{StreamExt, stream};
use stigmer_api::{
    MAX_MESSAGE,
    agent::{
        Agent, AgentSpec, McpServerDefinition, StdioServer,
        agent_command_controller_client::AgentCommandControllerClient as Agents,
        mcp_server_definition::ServerType,
    },
    agentexecution::{
        AgentExecution, AgentExecutionSpec, AgentExecutionStatus, AgentExecutionUpdateStatusInput,
        AgentMessage,
        agent_execution_command_controller_client::AgentExecutionCommandControllerClient as Executions,
    },
    resource::Resource,
};
use tonic::transport::Channel;

struct Server {
    child: Child,
    channel: Channel,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn server() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let binary = std::env::var("STIGMER_SERVER_BIN");
    let binary = binary.unwrap_or_else(|_| env!("CARGO_BIN_EXE_stigmer-server").to_owned());
    let mut child = Command::new(binary)
        .env_clear()
        .env("GRPC_PORT", "0")
        .env("LOG_LEVEL", "error")
        .env("DB_PATH", folder.path().join("s.db"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line.trim().strip_prefix("listening on ").unwrap();
    let channel = Channel::from_shared(format!("http://{address}")).unwrap();
    Server {
        child,
        channel: channel.connect().await.unwrap(),
        _folder: folder,
    }
}

impl Server {
    /// The most memory that it has had, in MiB.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let kib = line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or_default() / 1024
    }

    async fn agent(&self, name: &str, servers: usize) -> Result<Agent, tonic::Status> {
        let server = |i| McpServerDefinition {
            name: format!("s{i}"),
            server_type: Some(ServerType::Stdio(StdioServer {
                command: "c".to_owned(),
                ..Default::default()
            })),
            ..Default::default()
        };
        let mut agent = Agent {
            spec: Some(AgentSpec {
                instructions: "Do what is right.".to_owned(),
                mcp_servers: (0..servers).map(server).collect(),
                ..Default::default()
            }),
            ..Default::default()
        };
        agent.set_envelope();
        name.clone_into(&mut agent.metadata_mut().name);
        agent.metadata_mut().owner_scope = 2;
        Ok(Agents::new(self.channel.clone())
            .apply(agent)
            .await?
            .into_inner())
    }

    async fn execution(
        &self,
        agent: &str,
        message: String,
    ) -> Result<AgentExecution, tonic::Status> {
        let mut execution = AgentExecution {
            spec: Some(AgentExecutionSpec {
                agent_id: agent.to_owned(),
                message,
                ..Default::default()
            }),
            ..Default::default()
        };
        execution.set_envelope();
        "execution".clone_into(&mut execution.metadata_mut().name);
        let mut executions =
            Executions::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        Ok(executions.create(execution).await?.into_inner())
    }
}

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
    let begun = Instant::now();
    let input = AgentExecutionUpdateStatusInput {
        execution_id: small.id().to_owned(),
        status: Some(AgentExecutionStatus {
            messages: vec![AgentMessage::default(); 4_000_000],
            ..Default::default()
        }),
    };
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
