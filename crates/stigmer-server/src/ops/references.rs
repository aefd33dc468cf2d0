//! What resources refer to by slug: it stays as long as it is referred to. An environment must be
//! there, for an execution takes its variables when it is created; a skill must be when one starts.

use stigmer_api::{
    agent::Agent,
    agentinstance::AgentInstance,
    apiresource::{ApiResourceOwnerScope as Scope, ApiResourceReference},
    environment::Environment,
    limits::TOLD,
    resource::Resource,
    skill::Skill,
};

use super::lookup::{by_reference, id_behind};
use crate::{
    error::{Error, Result},
    store::Read,
};

/// The reference as it is meant by a resource of `org`: its own organization, unless it says which.
fn meant(reference: &ApiResourceReference, org: &str) -> ApiResourceReference {
    let mut reference = reference.clone();
    if reference.org.is_empty() && reference.scope() != Scope::Platform {
        org.clone_into(&mut reference.org);
    }
    reference
}

/// An agent's references to skills, those of its sub-agents too.
fn skill_refs(agent: &Agent) -> impl Iterator<Item = &ApiResourceReference> {
    let own = agent.spec.iter().flat_map(|s| &s.skill_refs);
    let subs = agent.spec.iter().flat_map(|s| &s.sub_agents);
    own.chain(subs.flat_map(|s| &s.skill_refs))
}

/// The environments of an instance, in their order.
pub(super) fn environments(view: &dyn Read, instance: &AgentInstance) -> Result<Vec<Environment>> {
    let refs = instance.spec.iter().flat_map(|spec| &spec.environment_refs);
    let found = refs.enumerate().map(|(i, reference)| {
        let found = by_reference(view, &meant(reference, instance.org()));
        found.map_err(|error| match error {
            Error::NotFound { kind, what } => Error::not_found(
                kind,
                format!("{what} (named by spec.environment_refs[{i}])"),
            ),
            other => other,
        })
    });
    found.collect()
}

/// Refuses to let go of a skill that agents refer to.
pub(super) fn no_agent_has(view: &dyn Read, skill: &Skill) -> Result<()> {
    let mut names = Vec::new();
    view.each(&mut |agent: Agent| {
        for reference in skill_refs(&agent) {
            if reference.slug == skill.slug() && is(view, reference, agent.org(), skill)? {
                names.push(agent.slug().to_owned());
                break;
            }
        }
        Ok(())
    })?;
    used("skill", skill.slug(), "agents", "skill_refs", &names)
}

/// Refuses to let go of an environment that instances refer to.
pub(super) fn no_instance_has(view: &dyn Read, environment: &Environment) -> Result<()> {
    let mut names = Vec::new();
    view.each(&mut |instance: AgentInstance| {
        let spec = instance.spec.clone().unwrap_or_default();
        for reference in &spec.environment_refs {
            if reference.slug == environment.slug()
                && is(view, reference, instance.org(), environment)?
            {
                names.push(instance.slug().to_owned());
                break;
            }
        }
        Ok(())
    })?;
    let slug = environment.slug();
    used(
        "environment",
        slug,
        "agent instances",
        "environment_refs",
        &names,
    )
}

/// Whether a reference of somebody in `org` means `resource`.
fn is<R: Resource>(
    view: &dyn Read,
    reference: &ApiResourceReference,
    org: &str,
    resource: &R,
) -> Result<bool> {
    let meant = meant(reference, org);
    let id = id_behind(view, R::KIND, &meant)?;
    Ok(id.as_deref() == Some(resource.id()))
}

fn used(what: &str, slug: &str, by: &str, field: &str, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let shown = names.iter().take(TOLD).map(String::as_str);
    let mut shown = shown.collect::<Vec<_>>().join(", ");
    if names.len() > TOLD {
        shown.push_str(&format!(" and {} more", names.len() - TOLD));
    }
    Err(Error::Precondition(format!(
        "{what} {slug} is used by the {by} {shown}: take it out of their {field} first"
    )))
}
