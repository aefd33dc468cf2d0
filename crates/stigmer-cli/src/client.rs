//! The connection to the server.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::Result;
use stigmer_api::{
    MAX_MESSAGE,
    agent::{
        agent_command_controller_client::AgentCommandControllerClient as AgentCommands,
        agent_query_controller_client::AgentQueryControllerClient as AgentQueries,
    },
    agentexecution::{
        agent_execution_command_controller_client::AgentExecutionCommandControllerClient as ExecutionCommands,
        agent_execution_query_controller_client::AgentExecutionQueryControllerClient as ExecutionQueries,
    },
    agentinstance::{
        agent_instance_command_controller_client::AgentInstanceCommandControllerClient as InstanceCommands,
        agent_instance_query_controller_client::AgentInstanceQueryControllerClient as InstanceQueries,
    },
    environment::{
        environment_command_controller_client::EnvironmentCommandControllerClient as EnvironmentCommands,
        environment_query_controller_client::EnvironmentQueryControllerClient as EnvironmentQueries,
    },
    session::{
        session_command_controller_client::SessionCommandControllerClient as SessionCommands,
        session_query_controller_client::SessionQueryControllerClient as SessionQueries,
    },
    skill::{
        skill_command_controller_client::SkillCommandControllerClient as SkillCommands,
        skill_query_controller_client::SkillQueryControllerClient as SkillQueries,
    },
};
use tonic::{
    Response, Status,
    service::interceptor::InterceptedService,
    transport::{ClientTlsConfig, Endpoint},
};

use crate::{cli::Global, failure, no_grpc::GrpcAlone, traced::PartOf};

/// A connection whose requests say what they are part of.
pub(crate) type Traced = InterceptedService<GrpcAlone, PartOf>;

/// A connected client of all services.
pub(crate) struct Client {
    channel: GrpcAlone,
    address: String,
    again: String,
    timeout: Duration,
    /// Whether the server has answered anything.
    heard: AtomicBool,
}

macro_rules! services {
    ($($name:ident: $client:ident),* $(,)?) => {
        $(pub(crate) fn $name(&self) -> $client<Traced> {
            $client::with_interceptor(self.channel.clone(), PartOf)
                .max_decoding_message_size(MAX_MESSAGE)
        })*
    };
}

impl Client {
    pub(crate) async fn connect(global: &Global) -> Result<Self> {
        let address = global.server.clone();
        let unusable = |e: tonic::transport::Error| failure::unreachable(&global.server, &e, false);
        let mut endpoint = Endpoint::from_shared(address.clone())
            .map_err(unusable)?
            .connect_timeout(global.timeout)
            // A server that is gone without a word must end a subscription too.
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(10))
            .user_agent(concat!("stigmer-cli/", env!("CARGO_PKG_VERSION")))
            .map_err(unusable)?;
        if address.starts_with("https://") {
            let tls = ClientTlsConfig::new().with_native_roots();
            endpoint = endpoint.tls_config(tls).map_err(unusable)?;
        }
        let timeout = global.timeout;
        let channel = tokio::time::timeout(timeout, endpoint.connect())
            .await
            .map_err(|_| failure::too_late(&address, timeout))?
            .map_err(unusable)?;
        Ok(Self {
            channel: GrpcAlone(channel),
            address,
            again: global.again(),
            timeout,
            heard: AtomicBool::new(false),
        })
    }

    services! {
        agent_commands: AgentCommands,
        agents: AgentQueries,
        execution_commands: ExecutionCommands,
        executions: ExecutionQueries,
        instance_commands: InstanceCommands,
        instances: InstanceQueries,
        session_commands: SessionCommands,
        sessions: SessionQueries,
        environment_commands: EnvironmentCommands,
        environments: EnvironmentQueries,
        skill_commands: SkillCommands,
        skills: SkillQueries,
    }

    /// As [`Global::again`].
    pub(crate) fn again(&self) -> &str {
        &self.again
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The answer to one call, within the time limit; a status becomes plain words.
    pub(crate) async fn answer<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T> {
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(response)) => {
                self.heard.store(true, Ordering::Relaxed);
                Ok(response.into_inner())
            }
            Ok(Err(status)) => Err(self.explain(&status)),
            Err(_) => Err(self.too_late()),
        }
    }

    pub(crate) fn too_late(&self) -> anyhow::Error {
        failure::too_late(&self.address, self.timeout)
    }

    pub(crate) fn explain(&self, status: &Status) -> anyhow::Error {
        failure::of_status(status, &self.address, self.heard.load(Ordering::Relaxed))
    }
}
