//! What an execution works with: its agent and its variables, as they were settled when it was
//! created. On a server that settles nothing they are what they are at its start.

use agent_tools::{Env, EnvVar};
use stigmer_api::{
    agent::{Agent, AgentSpec},
    agentexecution::AgentExecutionSpec,
    agentinstance::{AgentInstance, AgentInstanceSpec},
    apiresource::{ApiResourceMetadata, ApiResourceOwnerScope as Scope},
    layers::{self, Merged, Variables},
};
use temporalio_sdk::activities::ActivityError;

use crate::backend::Backend;

pub(crate) struct Settled {
    /// Its references to skills say whose these are.
    pub(crate) agent: AgentSpec,
    pub(crate) name: String,
    pub(crate) env: Env,
}

impl Settled {
    /// # Errors
    /// When something that the execution refers to is not there, or the server does not answer.
    pub(crate) async fn load(
        backend: &Backend,
        id: &str,
        spec: &AgentExecutionSpec,
    ) -> Result<Self, ActivityError> {
        let Some(context) = backend.context(id).await? else {
            return Self::merge(backend, spec).await;
        };
        let now = backend.agent(&spec.agent_id).await?;
        // As it was when the execution was created; executions from before that was kept have it
        // as it is now.
        let agent = Agent {
            spec: context.agent.or(now.spec),
            ..now
        };
        Ok(Self::new(agent, context.data))
    }

    /// What the server has not settled.
    async fn merge(backend: &Backend, spec: &AgentExecutionSpec) -> Result<Self, ActivityError> {
        let instance = instance(backend, spec).await?;
        let agent = backend.agent(&instance.agent_id).await?;
        let mut environments = Vec::with_capacity(instance.environment_refs.len());
        for reference in &instance.environment_refs {
            environments.extend(backend.environment(reference).await?.spec);
        }
        let declared = agent.spec.clone().unwrap_or_default().env_spec;
        let declared = declared.unwrap_or_default();
        let Merged {
            mut variables,
            missing,
        } = layers::merge(&declared, &environments, &spec.runtime_env);
        // Nobody refused the execution for it, so only a tool that needs it does.
        variables.retain(|name, _| !missing.contains(name));
        Ok(Self::new(agent, variables))
    }

    fn new(agent: Agent, variables: Variables) -> Self {
        let ApiResourceMetadata { org, name, .. } = agent.metadata.unwrap_or_default();
        let mut agent = agent.spec.unwrap_or_default();
        name_orgs(&mut agent, &org);
        let variables = variables.into_iter().map(|(name, variable)| {
            let (value, is_secret) = (variable.value, variable.is_secret);
            (name, EnvVar { value, is_secret })
        });
        Self {
            agent,
            name,
            env: variables.collect(),
        }
    }
}

/// The instance of the execution's session; without a session none but the agent's own.
async fn instance(
    backend: &Backend,
    spec: &AgentExecutionSpec,
) -> Result<AgentInstanceSpec, ActivityError> {
    if spec.session_id.is_empty() {
        let agent_id = spec.agent_id.clone();
        return Ok(AgentInstanceSpec {
            agent_id,
            ..AgentInstanceSpec::default()
        });
    }
    let session = backend.session(&spec.session_id).await?;
    let id = session.spec.unwrap_or_default().agent_instance_id;
    let AgentInstance { spec, .. } = backend.instance(&id).await?;
    Ok(spec.unwrap_or_default())
}

/// A skill without an organization is the agent's own's, unless it is the platform's: its slug may
/// be there in others too.
fn name_orgs(agent: &mut AgentSpec, org: &str) {
    let of_subs = agent.sub_agents.iter_mut().flat_map(|s| &mut s.skill_refs);
    let refs = agent.skill_refs.iter_mut().chain(of_subs);
    for reference in refs.filter(|r| r.org.is_empty() && r.scope() != Scope::Platform) {
        org.clone_into(&mut reference.org);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
