//! What an execution needs to run: its agent, its environment, its skills.

use agent_tools::SkillFiles;
use stigmer_api::{
    ApiKind, MAX_MESSAGE,
    agent::{Agent, AgentId, agent_query_controller_client::AgentQueryControllerClient},
    agentinstance::{
        AgentInstance, AgentInstanceId,
        agent_instance_query_controller_client::AgentInstanceQueryControllerClient,
    },
    apiresource::ApiResourceReference,
    environment::{
        Environment, environment_query_controller_client::EnvironmentQueryControllerClient,
    },
    executioncontext::{
        ExecutionContextSpec,
        execution_context_query_controller_client::ExecutionContextQueryControllerClient,
    },
    session::{Session, SessionId, session_query_controller_client::SessionQueryControllerClient},
    skill::{GetArtifactRequest, skill_query_controller_client::SkillQueryControllerClient},
};
use temporalio_sdk::activities::ActivityError;
use tonic::{Code, Request};

use super::Backend;
use crate::failure::permanent;

impl Backend {
    /// The agent of an execution.
    pub(crate) async fn agent(&self, id: &str) -> Result<Agent, ActivityError> {
        let value = id.to_owned();
        let mut agents = AgentQueryControllerClient::new(self.channel.clone())
            .max_decoding_message_size(MAX_MESSAGE);
        let agent = agents.get(AgentId { value }).await;
        let agent = agent.map_err(|s| self.missing(&s, "AgentMissing", "agent", id))?;
        Ok(agent.into_inner())
    }

    /// The session of an execution.
    pub(crate) async fn session(&self, id: &str) -> Result<Session, ActivityError> {
        let value = id.to_owned();
        let session = SessionQueryControllerClient::new(self.channel.clone())
            .get(SessionId { value })
            .await;
        let session = session.map_err(|s| self.missing(&s, "SessionMissing", "session", id))?;
        Ok(session.into_inner())
    }

    /// The agent instance of an execution's session.
    pub(crate) async fn instance(&self, id: &str) -> Result<AgentInstance, ActivityError> {
        let value = id.to_owned();
        let instance = AgentInstanceQueryControllerClient::new(self.channel.clone())
            .get(AgentInstanceId { value })
            .await;
        let missing = |s| self.missing(&s, "InstanceMissing", "agent instance", id);
        Ok(instance.map_err(missing)?.into_inner())
    }

    /// An environment of an agent instance.
    pub(crate) async fn environment(
        &self,
        reference: &ApiResourceReference,
    ) -> Result<Environment, ActivityError> {
        let environment = EnvironmentQueryControllerClient::new(self.channel.clone())
            .max_decoding_message_size(MAX_MESSAGE)
            .get_by_reference(reference.clone())
            .await;
        let slug = &reference.slug;
        let missing = |s| self.missing(&s, "EnvironmentMissing", "environment", slug);
        Ok(environment.map_err(missing)?.into_inner())
    }

    /// What was settled when an execution was created. A server that keeps no contexts, or no longer
    /// this one, has none.
    pub(crate) async fn context(
        &self,
        execution_id: &str,
    ) -> Result<Option<ExecutionContextSpec>, ActivityError> {
        let mut request = Request::new(ApiResourceReference {
            kind: ApiKind::ExecutionContext.into(),
            slug: execution_id.to_owned(),
            ..Default::default()
        });
        if let Some(authorization) = &self.authorization {
            let name = "authorization";
            request.metadata_mut().insert(name, authorization.clone());
        }
        let mut contexts = ExecutionContextQueryControllerClient::new(self.channel.clone())
            .max_decoding_message_size(MAX_MESSAGE);
        match contexts.get_by_reference(request).await {
            Ok(context) => Ok(Some(context.into_inner().spec.unwrap_or_default())),
            Err(status) if matches!(status.code(), Code::NotFound | Code::Unimplemented) => {
                Ok(None)
            }
            Err(status) => Err(self.trouble(status.code(), status.message())),
        }
    }

    /// A skill's archive, in the version that `reference` names.
    pub(crate) async fn skill(
        &self,
        reference: &ApiResourceReference,
    ) -> Result<SkillFiles, ActivityError> {
        let shown = match reference.version.as_str() {
            "" => reference.slug.clone(),
            version => format!("{} (version {version})", reference.slug),
        };
        let missing = |status: tonic::Status| match status.code() {
            Code::NotFound | Code::Unimplemented => permanent(
                "SkillMissing",
                format!(
                    "the agent's skill {shown} is not on the server ({}): `stigmer skill push` it",
                    status.message()
                ),
            ),
            code => self.trouble(code, status.message()),
        };
        let mut skills = SkillQueryControllerClient::new(self.channel.clone())
            .max_decoding_message_size(MAX_MESSAGE);
        let skill = skills.get_by_reference(reference.clone()).await;
        let skill = skill.map_err(missing)?.into_inner();
        let status = skill.status.unwrap_or_default();
        let request = GetArtifactRequest {
            artifact_storage_key: status.artifact_storage_key,
        };
        let artifact = skills.get_artifact(request).await.map_err(missing)?;
        Ok(SkillFiles {
            name: skill.metadata.unwrap_or_default().slug,
            version_hash: status.version_hash,
            archive: artifact.into_inner().artifact,
        })
    }
}
