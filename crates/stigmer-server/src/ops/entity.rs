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
    id,
    resource::Resource,
    session::Session,
    slug,
};

use super::kinds::Entity;
use crate::{
    error::{Error, Result},
    store::{Read, Tx},
};

/// Now, as who did something to a resource.
fn stamp() -> ApiResourceAuditInfo {
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
fn complete<R: Entity>(resource: &mut R) {
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

fn check_org(org: &str) -> Result<()> {
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
    insert(tx, resource)
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
    tx.put(&resource)?;
    Ok(resource)
}

fn exists(view: &dyn Read, kind: Kind, field: &'static str, id: &str) -> Result<()> {
    let found = match kind {
        Kind::Agent => view.find::<Agent>(id)?.is_some(),
        Kind::AgentInstance => view.find::<AgentInstance>(id)?.is_some(),
        Kind::Session => view.find::<Session>(id)?.is_some(),
        Kind::AgentExecution => view.find::<AgentExecution>(id)?.is_some(),
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
    take(&mut wanted, &resource);
    if wanted != stored {
        return replace(tx, stored, resource);
    }
    if let Some(spec) = &mut wanted.audit_mut().spec_audit {
        "unchanged".clone_into(&mut spec.event);
    }
    Ok(wanted)
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

/// Copies what an update may change.
fn take<R: Entity>(stored: &mut R, new: &R) {
    stored.copy_spec(new);
    let from = new.metadata().cloned().unwrap_or_default();
    let to = stored.metadata_mut();
    if !from.name.is_empty() {
        to.name = from.name;
    }
    to.owner_scope = from.owner_scope;
    to.labels = from.labels;
    to.annotations = from.annotations;
    to.tags = from.tags;
}

fn replace<R: Entity>(tx: &mut Tx<'_>, stored: R, resource: R) -> Result<R> {
    let mut new = stored.clone();
    take(&mut new, &resource);
    if let (Some((_, field, now)), Some((_, _, before))) = (new.parent(), stored.parent())
        && now != before
    {
        return Err(Error::invalid(
            field,
            format!("cannot change; it is {before}"),
        ));
    }
    if let Some(spec) = &mut new.audit_mut().spec_audit {
        let now = stamp();
        spec.updated_by = now.updated_by;
        spec.updated_at = now.updated_at;
        "updated".clone_into(&mut spec.event);
    }
    tx.put(&new)?;
    Ok(new)
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
    match view.id_of_slug(R::KIND, &reference.slug, &reference.org)? {
        Some(id) => view.get(&id),
        None => Err(Error::not_found(R::KIND, &reference.slug)),
    }
}
