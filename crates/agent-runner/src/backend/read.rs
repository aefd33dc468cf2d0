//! What an execution needs to run: its agent, its environment, its skills.

use std::collections::BTreeMap;

use agent_tools::{EnvVar, SkillFiles};
use stigmer_api::{
    ApiKind, MAX_MESSAGE,
    agent::{Agent, AgentId, AgentSpec, agent_query_controller_client::AgentQueryControllerClient},
    apiresource::ApiResourceReference,
    executioncontext::{
        ExecutionContextSpec,
        execution_context_query_controller_client::ExecutionContextQueryControllerClient,
    },
    skill::{GetArtifactRequest, skill_query_controller_client::SkillQueryControllerClient},
};
use temporalio_sdk::activities::ActivityError;
use tonic::{Code, Request};

use super::Backend;
use crate::failure::permanent;

/// What was settled when an execution was created.
#[derive(Default)]
pub(crate) struct Context {
    pub(crate) variables: BTreeMap<String, EnvVar>,
    /// The agent as it was then; servers from before that have none.
    pub(crate) agent: Option<AgentSpec>,
}

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

    /// What was settled when an execution was created. A server that keeps no contexts, or no longer
    /// this one, has nothing for it.
    pub(crate) async fn context(&self, execution_id: &str) -> Result<Context, ActivityError> {
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
        let spec = match contexts.get_by_reference(request).await {
            Ok(context) => context.into_inner().spec.unwrap_or_default(),
            Err(status) if matches!(status.code(), Code::NotFound | Code::Unimplemented) => {
                ExecutionContextSpec::default()
            }
            Err(status) => return Err(self.trouble(status.code(), status.message())),
        };
        let variable = |(name, value): (String, _)| {
            let stigmer_api::executioncontext::ExecutionValue { value, is_secret } = value;
            (name, EnvVar { value, is_secret })
        };
        Ok(Context {
            variables: spec.data.into_iter().map(variable).collect(),
            agent: spec.agent,
        })
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
