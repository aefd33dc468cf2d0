//! The server's API: one channel, a client for each service, and short ways to call them.

use anyhow::{Context, Result};
use stigmer_api::{
    Kind, LOCAL_ORG, MAX_MESSAGE,
    agent::{
        Agent, agent_command_controller_client::AgentCommandControllerClient,
        agent_query_controller_client::AgentQueryControllerClient,
    },
    agentexecution::{
        AgentExecution, AgentExecutionId, AgentExecutionStatus, AgentExecutionUpdateStatusInput,
        agent_execution_command_controller_client::AgentExecutionCommandControllerClient,
        agent_execution_query_controller_client::AgentExecutionQueryControllerClient,
    },
    agentinstance::{
        AgentInstance,
        agent_instance_command_controller_client::AgentInstanceCommandControllerClient,
        agent_instance_query_controller_client::AgentInstanceQueryControllerClient,
    },
    apiresource::ApiResourceOwnerScope,
    environment::{
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
        Session, session_command_controller_client::SessionCommandControllerClient,
        session_query_controller_client::SessionQueryControllerClient,
    },
    skill::{
        PushSkillRequest, Skill, skill_command_controller_client::SkillCommandControllerClient,
        skill_query_controller_client::SkillQueryControllerClient,
    },
};
use tonic::{
    Request,
    transport::{Channel, Endpoint},
};

use crate::{
    fixtures::{agent, execution, reference, session},
    trail,
};

/// Clients of one server; cheap to clone.
#[derive(Clone, Debug)]
pub struct Api {
    /// The channel that all of them share.
    pub channel: Channel,
    url: String,
}

macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident: $client:ident),+ $(,)?) => {
        $($(#[$doc])*
        pub fn $name(&self) -> $client<Channel> {
            $client::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE)
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
            url: url.to_owned(),
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
        self.apply(agent(name)).await
    }

    pub(crate) async fn apply(&self, agent: Agent) -> Result<Agent> {
        let agent = self.agents().apply(agent).await?.into_inner();
        trail::agent(agent.slug(), agent.id());
        Ok(agent)
    }

    pub(crate) async fn create(&self, execution: AgentExecution) -> Result<AgentExecution> {
        let message = execution.spec.as_ref().map(|spec| spec.message.clone());
        let mut request = Request::new(execution);
        if let Some(traceparent) = trail::traceparent() {
            let metadata = request.metadata_mut();
            metadata.insert("traceparent", traceparent.parse()?);
        }
        let created = self.executions().create(request).await?.into_inner();
        trail::execution(created.id(), &message.unwrap_or_default(), &self.url);
        Ok(created)
    }

    /// Creates an execution of `agent` that is told `message`.
    ///
    /// # Errors
    /// The server's.
    pub async fn new_execution(&self, agent: &Agent, message: &str) -> Result<AgentExecution> {
        self.create(execution(agent.id(), message)).await
    }

    /// Opens a session with `instance`.
    ///
    /// # Errors
    /// The server's.
    pub async fn new_session(&self, instance: &AgentInstance) -> Result<Session> {
        let session = session(instance.id());
        Ok(self.sessions().create(session).await?.into_inner())
    }

    /// Reports what became of an execution, as its runner does.
    ///
    /// # Errors
    /// The server's.
    pub async fn report(
        &self,
        id: &str,
        status: AgentExecutionStatus,
    ) -> Result<AgentExecution, tonic::Status> {
        self.report_as(id, status, None).await
    }

    /// The same by one who shows `bearer`.
    ///
    /// # Errors
    /// The server's.
    pub async fn report_as(
        &self,
        id: &str,
        status: AgentExecutionStatus,
        bearer: Option<&str>,
    ) -> Result<AgentExecution, tonic::Status> {
        let input = AgentExecutionUpdateStatusInput {
            execution_id: id.to_owned(),
            status: Some(status),
        };
        let request = shown(input, bearer)?;
        Ok(self.executions().update_status(request).await?.into_inner())
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
        let request = shown(reference, bearer)?;
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

/// A request of one who shows `bearer`.
fn shown<T>(message: T, bearer: Option<&str>) -> Result<tonic::Request<T>, tonic::Status> {
    let mut request = tonic::Request::new(message);
    if let Some(bearer) = bearer {
        let shown = format!("Bearer {bearer}").parse();
        let shown = shown.map_err(|_| tonic::Status::internal("no header's value"))?;
        request.metadata_mut().insert("authorization", shown);
    }
    Ok(request)
}
