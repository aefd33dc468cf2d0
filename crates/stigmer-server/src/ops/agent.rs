//! Agents with their default instances, and deleting with everything below.

use stigmer_api::{
    agent::{Agent, AgentStatus},
    agentexecution::AgentExecution,
    agentinstance::{AgentInstance, AgentInstanceSpec},
    apiresource::{ApiResourceMetadata, ApiResourceOwnerScope as Scope},
    resource::Resource,
    session::Session,
};

use super::{
    execution,
    lifecycle::{self, insert, take_out},
    valid::Valid,
};
use crate::{
    error::{Error, Result},
    store::Tx,
};

/// Stores a new agent together with its default instance.
pub(crate) fn create(tx: &mut Tx<'_>, agent: Valid<Agent>) -> Result<Agent> {
    let mut agent = lifecycle::create(tx, agent)?;
    let instance = default_instance(tx, &agent)?;
    let status = agent.status.get_or_insert_with(AgentStatus::default);
    status.default_instance_id = instance.id().to_owned();
    tx.put(&mut agent)?;
    Ok(agent)
}

fn default_instance(tx: &mut Tx<'_>, agent: &Agent) -> Result<AgentInstance> {
    let scope = agent
        .metadata()
        .map_or(Scope::Unspecified, |m| m.owner_scope());
    let mut instance = AgentInstance {
        metadata: Some(ApiResourceMetadata {
            name: format!("{}-default", agent.name()),
            slug: format!("{}-default", agent.slug()),
            // Also where the platform owns it: its name is as free as its agent's.
            org: agent.org().to_owned(),
            owner_scope: scope.into(),
            ..Default::default()
        }),
        spec: Some(AgentInstanceSpec {
            agent_id: agent.id().to_owned(),
            description: format!("default instance of {}", agent.name()),
            environment_refs: Vec::new(),
        }),
        ..Default::default()
    };
    instance.set_envelope();
    // Not validated: its slug may be longer than one that people choose.
    insert(tx, instance)
}

/// Deletes an agent with its instances, their sessions and executions.
///
/// # Errors
/// When one of the executions has not ended: deleting must not stop work unasked.
pub(crate) fn delete(tx: &mut Tx<'_>, id: &str) -> Result<Agent> {
    let agent: Agent = tx.view().get(id)?;
    for instance in tx.view().children(id)? {
        let instance: AgentInstance = tx.view().get(&instance)?;
        remove_instance(tx, &instance)?;
    }
    take_out(tx, &agent)?;
    Ok(agent)
}

/// Deletes an instance with its sessions and their executions; not an agent's default one.
pub(crate) fn delete_instance(tx: &mut Tx<'_>, id: &str) -> Result<AgentInstance> {
    let instance: AgentInstance = tx.view().get(id)?;
    let agent_id = instance.spec.clone().unwrap_or_default().agent_id;
    let agent: Agent = tx.view().get(&agent_id)?;
    if agent
        .status
        .as_ref()
        .is_some_and(|s| s.default_instance_id == id)
    {
        return Err(Error::Precondition(format!(
            "{id} is the default instance of agent {}: delete the agent instead",
            agent.slug()
        )));
    }
    remove_instance(tx, &instance)?;
    Ok(instance)
}

fn remove_instance(tx: &mut Tx<'_>, instance: &AgentInstance) -> Result<()> {
    for session in tx.view().children(instance.id())? {
        delete_session(tx, &session)?;
    }
    take_out(tx, instance)
}

/// Deletes a session with its executions.
pub(crate) fn delete_session(tx: &mut Tx<'_>, id: &str) -> Result<Session> {
    let session: Session = tx.view().get(id)?;
    for execution in tx.view().children(id)? {
        let execution: AgentExecution = tx.view().get(&execution)?;
        execution::remove(tx, &execution)?;
    }
    take_out(tx, &session)?;
    Ok(session)
}
