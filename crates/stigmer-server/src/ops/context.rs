//! Contexts: the variables of an execution, merged, for as long as it runs.

use stigmer_api::{
    Kind,
    agent::{Agent, AgentSpec},
    agentexecution::AgentExecution,
    agentinstance::AgentInstance,
    apiresource::ApiResourceMetadata,
    executioncontext::{ExecutionContext, ExecutionContextSpec},
    id,
    layers::{self, Merged, Variables},
    resource::Resource,
};

use super::{
    lifecycle::{self, insert, take_out},
    redacted_input::refuse_empty,
    references,
    valid::Valid,
};
use crate::{
    error::{Error, Result},
    store::{Read, Tx},
};

/// The variables of an execution, merged from their [layers].
///
/// # Errors
/// When the agent names a variable without a value and nobody gives it one.
pub(super) fn merge(
    view: &dyn Read,
    agent: &Agent,
    instance: &AgentInstance,
    own: &Variables,
) -> Result<Variables> {
    let Merged { variables, missing } = merged(view, agent, instance, own)?;
    if missing.is_empty() {
        return Ok(variables);
    }
    let names = missing.join(", ");
    let message = format!(
        "lacks {names}, which agent {} asks for: give it by --runtime-env KEY=VALUE, --secret KEY \
         or an environment of the agent's instance",
        agent.slug()
    );
    Err(Error::invalid("spec.runtime_env", message))
}

/// What is there, and the names of what is asked for and not there.
pub(super) fn merged(
    view: &dyn Read,
    agent: &Agent,
    instance: &AgentInstance,
    own: &Variables,
) -> Result<Merged> {
    let declared = agent.spec.clone().unwrap_or_default().env_spec;
    let environments = references::environments(view, instance)?.into_iter();
    let environments: Vec<_> = environments.filter_map(|e| e.spec).collect();
    let declared = declared.unwrap_or_default();
    Ok(layers::merge(&declared, &environments, own))
}

/// Stores the context of an execution; its slug is the execution's id. The agent as it is now is kept to the execution's
/// end.
pub(super) fn open(
    tx: &mut Tx<'_>,
    execution: &AgentExecution,
    agent: Option<AgentSpec>,
    data: Variables,
) -> Result<()> {
    // Its variables are merged already, and the secrets among them have no second place.
    let agent = agent.map(|spec| AgentSpec {
        env_spec: None,
        ..spec
    });
    let execution_id = execution.id().to_owned();
    let mut context = ExecutionContext {
        metadata: Some(ApiResourceMetadata {
            name: execution_id.clone(),
            slug: execution_id.clone(),
            org: execution.org().to_owned(),
            ..Default::default()
        }),
        spec: Some(ExecutionContextSpec {
            execution_id,
            data,
            agent,
        }),
        ..Default::default()
    };
    context.set_envelope();
    insert(tx, context).map(drop)
}

/// Stores a further context of an execution that has not ended.
pub(crate) fn create(
    tx: &mut Tx<'_>,
    mut context: Valid<ExecutionContext>,
) -> Result<ExecutionContext> {
    let spec = context.spec.clone().unwrap_or_default();
    refuse_empty::<ExecutionContext>(&spec.data)?;
    if let Some(spec) = &mut context.as_mut().spec {
        spec.agent = None;
    }
    let context = lifecycle::create(tx, context)?;
    if id::is_id(Kind::AgentExecution, context.slug()) {
        let message = format!(
            "{} is the id of an execution, whose own context has that slug: choose another",
            context.slug()
        );
        return Err(Error::invalid("metadata.slug", message));
    }
    let id = spec.execution_id;
    let execution: AgentExecution = tx.view().get(&id)?;
    let phase = execution.phase();
    if phase.is_terminal() {
        let phase = phase.word();
        return Err(Error::Precondition(format!(
            "execution {id} has ended as {phase}: its contexts are gone and it gets no new one"
        )));
    }
    Ok(context)
}

/// Deletes a context, but not the one that a running execution works with.
pub(crate) fn delete(tx: &mut Tx<'_>, id: &str) -> Result<ExecutionContext> {
    let context: ExecutionContext = tx.view().named_by("resource_id", id)?;
    // An execution that has ended has no context, so this one's is under way.
    if context.slug() == context.spec.clone().unwrap_or_default().execution_id {
        return Err(Error::Precondition(format!(
            "context {id} is what execution {} works with: it goes when that has ended",
            context.slug()
        )));
    }
    take_out(tx, &context)?;
    Ok(context)
}

/// Deletes all contexts of an execution.
pub(super) fn close(tx: &mut Tx<'_>, execution: &str) -> Result<()> {
    for id in tx.view().children(execution)? {
        let context: ExecutionContext = tx.view().get(&id)?;
        take_out(tx, &context)?;
    }
    Ok(())
}
