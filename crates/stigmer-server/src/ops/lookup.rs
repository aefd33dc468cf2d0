//! Resources as others name them: by id, or by reference.

use stigmer_api::{
    Kind,
    agent::Agent,
    agentexecution::AgentExecution,
    agentinstance::AgentInstance,
    apiresource::{
        ApiResourceOwnerScope as Scope, ApiResourceReference, apiresourcekind::ApiResourceKind,
    },
    environment::Environment,
    executioncontext::ExecutionContext,
    session::Session,
    skill::Skill,
};

use super::kinds::Entity;
use crate::{
    error::{Error, Result},
    store::Read,
};

/// Refuses an id that is nobody's; `field` is where it stands.
pub(super) fn exists(view: &dyn Read, kind: Kind, field: &'static str, id: &str) -> Result<()> {
    let found = match kind {
        Kind::Agent => view.find::<Agent>(id)?.is_some(),
        Kind::AgentInstance => view.find::<AgentInstance>(id)?.is_some(),
        Kind::Session => view.find::<Session>(id)?.is_some(),
        Kind::AgentExecution => view.find::<AgentExecution>(id)?.is_some(),
        Kind::Skill => view.find::<Skill>(id)?.is_some(),
        Kind::Environment => view.find::<Environment>(id)?.is_some(),
        Kind::ExecutionContext => view.find::<ExecutionContext>(id)?.is_some(),
    };
    if found {
        return Ok(());
    }
    Err(Error::not_found(kind, format!("{id} (named by {field})")))
}

/// The resource behind a reference of its kind (or of none).
pub(crate) fn by_reference<R: Entity>(
    view: &dyn Read,
    reference: &ApiResourceReference,
) -> Result<R> {
    check_reference::<R>(reference)?;
    match id_behind(view, R::KIND, reference)? {
        Some(id) => view.get(&id),
        None => Err(Error::not_found(R::KIND, &reference.slug)),
    }
}

fn check_reference<R: Entity>(reference: &ApiResourceReference) -> Result<()> {
    let kind = reference.kind();
    if kind != ApiResourceKind::Unknown && kind != R::KIND.api_kind() {
        let (got, want) = (kind.as_str_name(), R::KIND.api_kind().as_str_name());
        return Err(Error::invalid(
            "kind",
            format!("is {got}, this service has {want}"),
        ));
    }
    if reference.slug.is_empty() {
        return Err(Error::invalid("slug", "is missing"));
    }
    Ok(())
}

/// The id behind a reference. One to the platform means the platform's own resource where an
/// organization has one of that name too.
pub(super) fn id_behind(
    view: &dyn Read,
    kind: Kind,
    reference: &ApiResourceReference,
) -> Result<Option<String>> {
    let (slug, org) = (&reference.slug, &reference.org);
    if org.is_empty()
        && reference.scope() == Scope::Platform
        && let Some(id) = view.id_in_org(kind, slug, "")?
    {
        return Ok(Some(id));
    }
    view.id_of_slug(kind, slug, org)
}
