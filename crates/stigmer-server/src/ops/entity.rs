//! What all kinds of resource share: create, update, apply, delete, look-up by reference.

use chrono::Utc;
use stigmer_api::{
    Kind, LOCAL_ORG,
    agent::Agent,
    agentexecution::AgentExecution,
    agentinstance::AgentInstance,
    apiresource::{
        ApiResourceAuditActor, ApiResourceAuditInfo, ApiResourceOwnerScope as Scope,
        ApiResourceReference, apiresourcekind::ApiResourceKind,
    },
    environment::Environment,
    executioncontext::ExecutionContext,
    id,
    resource::Resource,
    secret::REDACTED,
    session::Session,
    skill::Skill,
    slug,
    validate::{Violation, Violations},
};

use super::kinds::Entity;
use crate::{
    error::{Error, Result},
    store::{Read, Tx},
};

/// Now, as who did something to a resource.
pub(super) fn stamp() -> ApiResourceAuditInfo {
    let system = ApiResourceAuditActor {
        id: "system".to_owned(),
        avatar: String::new(),
    };
    let now = pbjson_types::Timestamp::from(Utc::now());
    ApiResourceAuditInfo {
        created_by: Some(system.clone()),
        created_at: Some(now),
        updated_by: Some(system),
        updated_at: Some(now),
        event: "created".to_owned(),
    }
}

/// Fills what clients may leave out of the metadata: slug and organization.
pub(super) fn complete<R: Entity>(resource: &mut R) {
    let metadata = resource.metadata_mut();
    if metadata.slug.is_empty() {
        metadata.slug = slug::from_name(&metadata.name);
    }
    if metadata.name.is_empty() {
        metadata.name.clone_from(&metadata.slug);
    }
    if metadata.org.is_empty() && metadata.owner_scope() != Scope::Platform {
        LOCAL_ORG.clone_into(&mut metadata.org);
    }
}

pub(super) fn check_org(org: &str) -> Result<()> {
    if org.is_empty() {
        return Ok(());
    }
    slug::check(org).map_err(|why| Error::invalid("metadata.org", why))
}

/// Validates and stores a new resource and gives it its id.
pub(crate) fn create<R: Entity>(tx: &mut Tx<'_>, mut resource: R) -> Result<R> {
    resource.validate()?;
    complete(&mut resource);
    check_org(resource.org())?;
    refuse_redacted(&mut resource)?;
    resource.check_references(tx.view())?;
    insert(tx, resource)
}

/// Refuses what stands for a secret in answers as a value: a copy of an answer has lost them.
pub(super) fn refuse_redacted<R: Entity>(resource: &mut R) -> Result<()> {
    let mut variables = resource.variables().into_iter();
    match variables.find(|v| v.value == REDACTED) {
        Some(variable) => Err(no_secret::<R>(variable.name)),
        None => Ok(()),
    }
}

fn no_secret<R: Entity>(name: &str) -> Error {
    let field = format!("{}[{name}]", R::VARIABLES);
    let message =
        format!("`{REDACTED}` stands for a stored secret and there is none: give a value");
    Error::Broken(Violations(vec![Violation { field, message }]))
}

/// Stores a new resource that is known to be valid.
pub(crate) fn insert<R: Entity>(tx: &mut Tx<'_>, mut resource: R) -> Result<R> {
    complete(&mut resource);
    resource.clear_status();
    if resource.id().is_empty() {
        resource.metadata_mut().id = id::new(R::KIND);
    } else if !id::is_id(R::KIND, resource.id()) {
        let message = format!("is no {} id; leave it empty to get one", R::KIND.as_str());
        return Err(Error::invalid("metadata.id", message));
    } else if tx.view().find::<R>(resource.id())?.is_some() {
        return Err(Error::AlreadyExists {
            kind: R::KIND,
            slug: resource.slug().to_owned(),
            id: resource.id().to_owned(),
        });
    }
    let audit = resource.audit_mut();
    audit.spec_audit = Some(stamp());
    audit.status_audit = audit.spec_audit.clone();
    if R::BY_SLUG {
        tx.claim_slug(&resource)?;
    }
    if let Some((kind, field, parent)) = resource.parent() {
        exists(tx.view(), kind, field, &parent)?;
        tx.link(&parent, resource.id())?;
    }
    tx.put(&mut resource)?;
    Ok(resource)
}

fn exists(view: &dyn Read, kind: Kind, field: &'static str, id: &str) -> Result<()> {
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

/// Replaces spec and metadata of the resource that `resource` names by id, else by slug. Id,
/// slug, organization, parent and status stay.
pub(crate) fn update<R: Entity>(tx: &mut Tx<'_>, resource: R) -> Result<R> {
    resource.validate()?;
    let stored = stored(tx.view(), &resource)?
        .ok_or_else(|| Error::not_found(R::KIND, called(&resource)))?;
    replace(tx, stored, resource)
}

/// Creates the resource, or updates the one with its slug, or leaves an equal one alone; the
/// answer's `audit.spec_audit.event` tells which: `created`, `updated` or `unchanged`.
pub(crate) fn apply<R: Entity>(
    tx: &mut Tx<'_>,
    mut resource: R,
    create: impl FnOnce(&mut Tx<'_>, R) -> Result<R>,
) -> Result<R> {
    resource.validate()?;
    complete(&mut resource);
    let id = tx
        .view()
        .id_of_slug(R::KIND, resource.slug(), resource.org())?;
    let Some(id) = id else {
        return create(tx, resource);
    };
    let stored = tx.view().get::<R>(&id)?;
    let mut wanted = stored.clone();
    take(&mut wanted, &resource)?;
    if wanted != stored {
        return replace(tx, stored, resource);
    }
    unchanged(&mut wanted);
    Ok(wanted)
}

/// Says in an answer that nothing was done.
pub(super) fn unchanged<R: Resource>(resource: &mut R) {
    if let Some(spec) = &mut resource.audit_mut().spec_audit {
        "unchanged".clone_into(&mut spec.event);
    }
}

fn stored<R: Entity>(view: &dyn Read, resource: &R) -> Result<Option<R>> {
    if !resource.id().is_empty() {
        return view.find(resource.id());
    }
    let slug = match resource.slug() {
        "" => slug::from_name(resource.name()),
        given => given.to_owned(),
    };
    match view.id_of_slug(R::KIND, &slug, resource.org())? {
        Some(id) => view.find(&id),
        None => Ok(None),
    }
}

/// How the client called a resource, for messages.
fn called<R: Resource>(resource: &R) -> String {
    let names = [resource.id(), resource.slug(), resource.name()];
    let given = names.into_iter().find(|name| !name.is_empty());
    given.unwrap_or_default().to_owned()
}

/// Copies what an update may change. Secrets that come back as they were shown stay as they are.
fn take<R: Entity>(stored: &mut R, new: &R) -> Result<()> {
    let mut old = stored.clone();
    stored.copy_spec(new);
    let old = old.variables();
    for variable in stored.variables() {
        if variable.value != REDACTED {
            continue;
        }
        let mut kept = old.iter().filter(|v| v.is_secret && variable.is_secret);
        let kept = kept.find(|v| v.name == variable.name);
        let kept = kept.ok_or_else(|| no_secret::<R>(variable.name))?;
        variable.value.clone_from(kept.value);
    }
    let from = new.metadata().cloned().unwrap_or_default();
    let to = stored.metadata_mut();
    if !from.name.is_empty() {
        to.name = from.name;
    }
    to.owner_scope = from.owner_scope;
    to.labels = from.labels;
    to.annotations = from.annotations;
    to.tags = from.tags;
    Ok(())
}

fn replace<R: Entity>(tx: &mut Tx<'_>, stored: R, resource: R) -> Result<R> {
    let mut new = stored.clone();
    take(&mut new, &resource)?;
    if let (Some((_, field, now)), Some((_, _, before))) = (new.parent(), stored.parent())
        && now != before
    {
        return Err(Error::invalid(
            field,
            format!("cannot change; it is {before}"),
        ));
    }
    new.check_references(tx.view())?;
    updated(&mut new);
    tx.put(&mut new)?;
    Ok(new)
}

/// Notes in the audit that the spec changes now.
pub(super) fn updated<R: Resource>(resource: &mut R) {
    if let Some(spec) = &mut resource.audit_mut().spec_audit {
        let now = stamp();
        spec.updated_by = now.updated_by;
        spec.updated_at = now.updated_at;
        "updated".clone_into(&mut spec.event);
    }
}

/// Takes `resource` out of the store and its indexes; its children are the caller's business.
pub(crate) fn take_out<R: Entity>(tx: &mut Tx<'_>, resource: &R) -> Result<()> {
    if R::BY_SLUG {
        tx.free_slug(R::KIND, resource.slug(), resource.org())?;
    }
    if let Some((_, _, parent)) = resource.parent() {
        tx.unlink(&parent, resource.id())?;
    }
    tx.remove(resource.id())
}

/// The resource behind a reference of its kind (or of none).
pub(crate) fn by_reference<R: Entity>(
    view: &dyn Read,
    reference: &ApiResourceReference,
) -> Result<R> {
    check_reference::<R>(reference)?;
    match view.id_of_slug(R::KIND, &reference.slug, &reference.org)? {
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
