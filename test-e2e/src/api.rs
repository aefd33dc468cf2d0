//! The server's API: one channel, a client for each service, and short ways to make messages.

use anyhow::Context;
use stigmer_api::{
    Kind, LOCAL_ORG,
    agent::{
        Agent, AgentSpec, agent_command_controller_client::AgentCommandControllerClient,
        agent_query_controller_client::AgentQueryControllerClient,
    },
    agentexecution::{
        AgentExecution, AgentExecutionId, AgentExecutionSpec, ExecutionPhase,
        agent_execution_command_controller_client::AgentExecutionCommandControllerClient,
        agent_execution_query_controller_client::AgentExecutionQueryControllerClient,
    },
    agentinstance::{
        AgentInstance, AgentInstanceSpec,
        agent_instance_command_controller_client::AgentInstanceCommandControllerClient,
        agent_instance_query_controller_client::AgentInstanceQueryControllerClient,
    },
    apiresource::{ApiResourceOwnerScope, ApiResourceReference},
    environment::{
        Environment, EnvironmentSpec, EnvironmentValue,
        environment_command_controller_client::EnvironmentCommandControllerClient,
        environment_query_controller_client::EnvironmentQueryControllerClient,
    },
    executioncontext::{
        ExecutionContext,
        execution_context_command_controller_client::ExecutionContextCommandControllerClient,
        execution_context_query_controller_client::ExecutionContextQueryControllerClient,
    },
    resource::Resource,
    session::{
        session_command_controller_client::SessionCommandControllerClient,
        session_query_controller_client::SessionQueryControllerClient,
    },
    skill::{
        PushSkillRequest, Skill, skill_command_controller_client::SkillCommandControllerClient,
        skill_query_controller_client::SkillQueryControllerClient,
    },
};
use tonic::transport::{Channel, Endpoint};

use crate::Result;

/// Clients of one server; cheap to clone.
#[derive(Clone, Debug)]
pub struct Api {
    /// The channel that all of them share.
    pub channel: Channel,
}

macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident: $client:ident),+ $(,)?) => {
        $($(#[$doc])*
        pub fn $name(&self) -> $client<Channel> {
            // What the server takes and gives; an archive of a skill outgrows the default.
            $client::new(self.channel.clone()).max_decoding_message_size(10 << 20)
        })+
    };
}

impl Api {
    /// Connects with the first call.
    ///
    /// # Errors
    /// When `url` is none.
    pub fn new(url: &str) -> Result<Self> {
        let endpoint = Endpoint::from_shared(url.to_owned()).context("the server's URL")?;
        Ok(Self {
            channel: endpoint.connect_lazy(),
        })
    }

    clients! {
        /// Changes agents.
        agents: AgentCommandControllerClient,
        /// Reads agents.
        agent_queries: AgentQueryControllerClient,
        /// Changes instances.
        instances: AgentInstanceCommandControllerClient,
        /// Reads instances.
        instance_queries: AgentInstanceQueryControllerClient,
        /// Changes sessions.
        sessions: SessionCommandControllerClient,
        /// Reads sessions.
        session_queries: SessionQueryControllerClient,
        /// Changes executions.
        executions: AgentExecutionCommandControllerClient,
        /// Reads executions.
        execution_queries: AgentExecutionQueryControllerClient,
        /// Changes environments.
        environments: EnvironmentCommandControllerClient,
        /// Reads environments.
        environment_queries: EnvironmentQueryControllerClient,
        /// Changes skills.
        skills: SkillCommandControllerClient,
        /// Reads skills.
        skill_queries: SkillQueryControllerClient,
        /// Changes contexts.
        contexts: ExecutionContextCommandControllerClient,
        /// Reads contexts.
        context_queries: ExecutionContextQueryControllerClient,
    }

    /// Applies a new agent named `name`.
    ///
    /// # Errors
    /// The server's.
    pub async fn new_agent(&self, name: &str) -> Result<Agent> {
        Ok(self.agents().apply(agent(name)).await?.into_inner())
    }

    /// Creates an execution of `agent` that is told `message`.
    ///
    /// # Errors
    /// The server's.
    pub async fn new_execution(&self, agent: &Agent, message: &str) -> Result<AgentExecution> {
        let execution = execution(agent.id(), message);
        Ok(self.executions().create(execution).await?.into_inner())
    }

    /// The execution as it is now.
    ///
    /// # Errors
    /// The server's.
    pub async fn get_execution(&self, id: &str) -> Result<AgentExecution> {
        let id = AgentExecutionId {
            value: id.to_owned(),
        };
        Ok(self.execution_queries().get(id).await?.into_inner())
    }

    /// Pushes `artifact` as the skill `name`.
    ///
    /// # Errors
    /// The server's.
    pub async fn push_skill(
        &self,
        name: &str,
        artifact: Vec<u8>,
        tag: &str,
    ) -> Result<Skill, tonic::Status> {
        let request = PushSkillRequest {
            name: name.to_owned(),
            scope: ApiResourceOwnerScope::Organization.into(),
            org: LOCAL_ORG.to_owned(),
            artifact,
            tag: tag.to_owned(),
        };
        Ok(self.skills().push(request).await?.into_inner())
    }

    /// The context of an execution, as one sees it who shows `bearer`.
    ///
    /// # Errors
    /// The server's, `NotFound` among them.
    pub async fn context(
        &self,
        execution: &str,
        bearer: Option<&str>,
    ) -> Result<ExecutionContext, tonic::Status> {
        let reference = reference(Kind::ExecutionContext, execution);
        let mut request = tonic::Request::new(reference);
        if let Some(bearer) = bearer {
            let shown = format!("Bearer {bearer}").parse();
            let shown = shown.map_err(|_| tonic::Status::internal("no header's value"))?;
            request.metadata_mut().insert("authorization", shown);
        }
        let found = self.context_queries().get_by_reference(request).await?;
        Ok(found.into_inner())
    }

    /// The agent by its slug.
    ///
    /// # Errors
    /// The server's, `NotFound` among them.
    pub async fn agent_by_slug(&self, slug: &str) -> Result<Agent, tonic::Status> {
        let reference = reference(Kind::Agent, slug);
        let found = self.agent_queries().get_by_reference(reference).await?;
        Ok(found.into_inner())
    }
}

/// A reference to a resource of the local organization.
pub fn reference(kind: Kind, slug: &str) -> ApiResourceReference {
    ApiResourceReference {
        scope: ApiResourceOwnerScope::Organization.into(),
        org: LOCAL_ORG.to_owned(),
        kind: kind.api_kind().into(),
        slug: slug.to_owned(),
        version: String::new(),
    }
}

/// A valid agent named `name`.
pub fn agent(name: &str) -> Agent {
    let mut agent = Agent {
        spec: Some(AgentSpec {
            instructions: "Answer every message in one short sentence.".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    agent.set_envelope();
    let metadata = agent.metadata_mut();
    name.clone_into(&mut metadata.name);
    metadata.owner_scope = ApiResourceOwnerScope::Organization.into();
    agent
}

/// A valid execution of the agent with the id `agent_id`.
pub fn execution(agent_id: &str, message: &str) -> AgentExecution {
    let mut execution = AgentExecution {
        spec: Some(AgentExecutionSpec {
            agent_id: agent_id.to_owned(),
            message: message.to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    execution.set_envelope();
    execution.metadata_mut().name = crate::unique("execution");
    execution
}

/// A valid environment named `name` with these variables: name, value, whether it is a secret.
pub fn environment(name: &str, data: &[(&str, &str, bool)]) -> Environment {
    let data = data.iter().map(|&(name, value, is_secret)| {
        let value = EnvironmentValue {
            value: value.to_owned(),
            is_secret,
            description: String::new(),
        };
        (name.to_owned(), value)
    });
    let mut environment = Environment {
        spec: Some(EnvironmentSpec {
            description: String::new(),
            data: data.collect(),
        }),
        ..Default::default()
    };
    environment.set_envelope();
    let metadata = environment.metadata_mut();
    name.clone_into(&mut metadata.name);
    metadata.owner_scope = ApiResourceOwnerScope::Organization.into();
    environment
}

/// A valid instance named `name` of the agent with the id `agent_id`, with these environments.
pub fn instance(name: &str, agent_id: &str, environments: &[&str]) -> AgentInstance {
    let environments = environments.iter();
    let mut instance = AgentInstance {
        spec: Some(AgentInstanceSpec {
            agent_id: agent_id.to_owned(),
            description: String::new(),
            environment_refs: environments
                .map(|slug| reference(Kind::Environment, slug))
                .collect(),
        }),
        ..Default::default()
    };
    instance.set_envelope();
    let metadata = instance.metadata_mut();
    name.clone_into(&mut metadata.name);
    metadata.owner_scope = ApiResourceOwnerScope::Organization.into();
    instance
}

/// The execution's phase.
pub fn phase(execution: &AgentExecution) -> ExecutionPhase {
    let status = execution.status.as_ref();
    status.map_or(ExecutionPhase::Unspecified, |status| status.phase())
}
