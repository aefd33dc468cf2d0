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

use super::{
    entity::Entity,
    lookup::{by_reference, id_behind},
};
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
    unused::<Agent, _>(view, skill, ("skill", "agents", "skill_refs"))
}

/// Refuses to let go of an environment that instances refer to.
pub(super) fn no_instance_has(view: &dyn Read, environment: &Environment) -> Result<()> {
    let words = ("environment", "agent instances", "environment_refs");
    unused::<AgentInstance, _>(view, environment, words)
}

/// Refuses to let go of what an `R` refers to. Reads no more of them than are named.
fn unused<R: Entity, T: Resource>(
    view: &dyn Read,
    target: &T,
    (what, by, field): (&str, &str, &str),
) -> Result<()> {
    let slug = target.slug();
    let mut names = Vec::new();
    let mut others = view.referrers(T::KIND, slug)?.into_iter();
    while names.len() < TOLD
        && let Some(id) = others.next()
    {
        let referrer: R = view.get(&id)?;
        for reference in referrer.references() {
            if reference.slug == slug && is(view, reference, referrer.org(), target)? {
                names.push(referrer.slug().to_owned());
                break;
            }
        }
    }
    if names.is_empty() {
        return Ok(());
    }
    let mut shown = names.join(", ");
    if others.len() > 0 {
        shown.push_str(&format!(" and perhaps {} more", others.len()));
    }
    Err(Error::Precondition(format!(
        "{what} {slug} is used by the {by} {shown}: take it out of their {field} first"
    )))
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

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
