//! A server as a process, and its client.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test has its own copy and needs some of it; one that cannot go on has failed"
)]

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, Command, Stdio},
};

use stigmer_api::{
    MAX_MESSAGE,
    agent::{
        Agent, AgentSpec, McpServerDefinition, StdioServer,
        agent_command_controller_client::AgentCommandControllerClient as Agents,
        mcp_server_definition::ServerType,
    },
    agentexecution::{
        AgentExecution, AgentExecutionSpec,
        agent_execution_command_controller_client::AgentExecutionCommandControllerClient as Executions,
    },
    resource::Resource,
};
use tonic::transport::Channel;

pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    pub(crate) channel: Channel,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server of this build, or the one that `STIGMER_SERVER_BIN` names.
pub(crate) fn binary() -> String {
    let binary = std::env::var("STIGMER_SERVER_BIN");
    binary.unwrap_or_else(|_| env!("CARGO_BIN_EXE_stigmer-server").to_owned())
}

/// Runs `command`, which becomes a server, with a database of its own.
pub(crate) async fn start(command: Command) -> Server {
    start_on(tempfile::tempdir().unwrap(), command).await
}

async fn start_on(folder: tempfile::TempDir, command: Command) -> Server {
    let mut child = spawn(&folder, command, Stdio::piped());
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line.trim().strip_prefix("listening on ").unwrap();
    connected(folder, child, address.to_owned()).await
}

/// The same with its standard output there, known by its log alone.
pub(crate) async fn start_unheard(stdout: std::fs::File) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary());
    command.stderr(Stdio::piped());
    let mut child = spawn(&folder, command, stdout.into());
    let log = BufReader::new(child.stderr.take().unwrap());
    let mut lines = log.lines().map(Result::unwrap);
    let address = lines.find_map(|line| Some(line.split_once("listening bound=")?.1.to_owned()));
    let address = address.unwrap();
    // Else its log would be what cannot be written.
    std::thread::spawn(move || lines.for_each(drop));
    connected(folder, child, address).await
}

fn spawn(folder: &tempfile::TempDir, mut command: Command, stdout: Stdio) -> Child {
    command
        .env_clear()
        .env("GRPC_PORT", "0")
        .env("LOG_LEVEL", "info")
        .env("DB_PATH", folder.path().join("s.db"))
        .env("STIGMER_ANNOUNCE_FILE", folder.path().join("address"))
        .stdout(stdout)
        .spawn()
        .unwrap()
}

async fn connected(folder: tempfile::TempDir, child: Child, address: String) -> Server {
    let channel = Channel::from_shared(format!("http://{address}")).unwrap();
    Server {
        child,
        address,
        channel: channel.connect().await.unwrap(),
        folder,
    }
}

/// A server that says nothing more.
pub(crate) async fn server() -> Server {
    let mut command = Command::new(binary());
    command.stderr(Stdio::null());
    start(command).await
}

impl Server {
    /// Asks it to stop.
    pub(crate) fn term(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// What it logs, where its standard error is piped.
    pub(crate) fn log(&mut self) -> BufReader<ChildStderr> {
        BufReader::new(self.child.stderr.take().unwrap())
    }

    /// Kills it and starts it on the same database.
    pub(crate) async fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        let mut command = Command::new(binary());
        command.stderr(Stdio::null());
        *self = start_on(folder, command).await;
    }

    /// The address that it announced.
    pub(crate) fn announced(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("address")).unwrap()
    }

    /// The bytes of its database.
    pub(crate) fn stored(&self) -> u64 {
        self.folder.path().join("s.db").metadata().unwrap().len()
    }

    /// The most memory that it has had, in MiB; Linux alone tells it.
    pub(crate) fn peak(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// The memory that it has now, in MiB; Linux alone tells it.
    pub(crate) fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    fn memory(&self, which: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix(which));
        let kib = line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or_default() / 1024
    }

    pub(crate) async fn agent(&self, name: &str, servers: usize) -> Result<Agent, tonic::Status> {
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

    pub(crate) async fn execution(
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
