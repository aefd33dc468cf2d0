//! What a server of before left: executions under way without a context, references that nobody noted, default instances
//! in another organization than their agent.

use stigmer_api::{
    agent::Agent, agentexecution::AgentExecution, agentinstance::AgentInstance, layers::Variables,
    resource::Resource, session::Session,
};

use super::{context, entity::Entity, execution};
use crate::{
    error::Result,
    store::{Read, Tx},
};

/// Gives every execution that has not ended its context, which those from before there were contexts
/// have not, and notes who refers to what.
pub(crate) fn complete(tx: &mut Tx<'_>) -> Result<()> {
    if !tx.view().knows_referrers()? {
        note_referrers::<Agent>(tx)?;
        note_referrers::<AgentInstance>(tx)?;
        tx.know_referrers()?;
    }
    if !tx.view().has_default_instances_moved()? {
        move_default_instances(tx)?;
        tx.default_instances_moved()?;
    }
    for id in tx.view().open_executions()? {
        let mut execution: AgentExecution = tx.view().get(&id)?;
        if tx.view().children(&id)?.is_empty() {
            let data = late(tx.view(), &execution).unwrap_or_else(|error| {
                // Nobody checked then what is checked now: what it was given itself must do.
                tracing::warn!(execution = id, %error, "an old execution gets its own variables only");
                execution.spec.clone().unwrap_or_default().runtime_env
            });
            execution::forget_secrets(&mut execution, &data);
            let agent_id = execution.spec.clone().unwrap_or_default().agent_id;
            let agent: Option<Agent> = tx.view().find(&agent_id)?;
            context::open(tx, &execution, agent.and_then(|a| a.spec), data)?;
            execution::put(tx, &mut execution)?;
        }
    }
    Ok(())
}

/// Those of a platform's agents were in no organization, where their names were in each other's way.
fn move_default_instances(tx: &mut Tx<'_>) -> Result<()> {
    let mut all = Vec::new();
    tx.view().each(&mut |agent: Agent| {
        let org = agent.org().to_owned();
        all.push((agent.status.unwrap_or_default().default_instance_id, org));
        Ok(())
    })?;
    for (id, org) in all {
        let Some(mut instance) = tx.view().find::<AgentInstance>(&id)? else {
            continue;
        };
        let (slug, from) = (instance.slug().to_owned(), instance.org().to_owned());
        let kind = AgentInstance::KIND;
        if from == org || tx.view().id_in_org(kind, &slug, &org)?.is_some() {
            continue; // it is there, or another has its name there
        }
        tx.free_slug(kind, &slug, &from)?;
        instance.metadata_mut().org = org;
        tx.claim_slug(&instance)?;
        tx.put(&mut instance)?;
    }
    Ok(())
}

fn note_referrers<R: Entity>(tx: &mut Tx<'_>) -> Result<()> {
    let mut all = Vec::new();
    tx.view().each(&mut |resource: R| {
        let slugs = resource.references().into_iter().map(|r| r.slug.clone());
        let slugs: Vec<String> = slugs.collect();
        all.push((resource.id().to_owned(), slugs));
        Ok(())
    })?;
    let mut all = all
        .iter()
        .flat_map(|(id, slugs)| slugs.iter().map(move |slug| (id, slug)));
    all.try_for_each(|(id, slug)| tx.refer(R::REFERS_TO, slug, id))
}

/// The variables of an execution that is there already; what is asked for and not there is lacking.
fn late(view: &dyn Read, execution: &AgentExecution) -> Result<Variables> {
    let spec = execution.spec.clone().unwrap_or_default();
    let session: Session = view.get(&spec.session_id)?;
    let instance = session.spec.unwrap_or_default().agent_instance_id;
    let instance: AgentInstance = view.get(&instance)?;
    let agent: Agent = view.get(&spec.agent_id)?;
    let merged = context::merged(view, &agent, &instance, &spec.runtime_env)?;
    Ok(merged.variables)
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
