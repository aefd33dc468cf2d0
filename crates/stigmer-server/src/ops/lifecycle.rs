//! What all kinds of resource share: create, update, apply, delete.

use stigmer_api::{
    LOCAL_ORG, apiresource::ApiResourceOwnerScope as Scope, id, resource::Resource, slug,
};

use super::{
    audit::{stamp, unchanged, updated},
    entity::Entity,
    lookup::exists,
    redacted_input::{keep_secrets, refuse_redacted},
    valid::Valid,
};
use crate::{
    error::{Error, Result},
    store::{Read, Tx},
};

/// Fills what clients may leave out: slug and organization, and the kind of references.
pub(super) fn complete<R: Entity>(resource: &mut R) {
    resource.complete_references();
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

/// Stores a new resource and gives it its id.
pub(crate) fn create<R: Entity>(tx: &mut Tx<'_>, resource: Valid<R>) -> Result<R> {
    let mut resource = resource.into_inner();
    complete(&mut resource);
    refuse_redacted(&mut resource)?;
    resource.check_references(tx.view())?;
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
    } else if tx.view().has(R::KIND, resource.id())? {
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
    refer(tx, &resource)?;
    tx.put(&mut resource)?;
    Ok(resource)
}

/// Notes whom `resource` names.
pub(super) fn refer<R: Entity>(tx: &mut Tx<'_>, resource: &R) -> Result<()> {
    let mut references = resource.references().into_iter();
    references.try_for_each(|r| tx.refer(R::REFERS_TO, &r.slug, resource.id()))
}

fn unrefer<R: Entity>(tx: &mut Tx<'_>, resource: &R) -> Result<()> {
    let mut references = resource.references().into_iter();
    references.try_for_each(|r| tx.unrefer(R::REFERS_TO, &r.slug, resource.id()))
}

/// Replaces spec and metadata of the resource that `resource` names by id, else by slug. Id,
/// slug, organization, parent and status stay.
pub(crate) fn update<R: Entity>(tx: &mut Tx<'_>, resource: Valid<R>) -> Result<R> {
    let mut resource = resource.into_inner();
    resource.complete_references();
    let stored = stored(tx.view(), &resource)?
        .ok_or_else(|| Error::not_found(R::KIND, called(&resource)))?;
    replace(tx, stored, resource)
}

/// Creates the resource, or updates the one with its slug, or leaves an equal one alone; the
/// answer's `audit.spec_audit.event` tells which: `created`, `updated` or `unchanged`.
pub(crate) fn apply<R: Entity>(
    tx: &mut Tx<'_>,
    mut resource: Valid<R>,
    create: impl FnOnce(&mut Tx<'_>, Valid<R>) -> Result<R>,
) -> Result<R> {
    complete(resource.as_mut());
    // The platform's resources have no organization, and are none of an organization's.
    let view = tx.view();
    let id = view.id_in_org(R::KIND, resource.slug(), resource.org())?;
    let Some(id) = id else {
        return create(tx, resource);
    };
    let stored = tx.view().get::<R>(&id)?;
    let mut wanted = stored.clone();
    take(&mut wanted, &resource)?;
    if wanted != stored {
        return replace(tx, stored, resource.into_inner());
    }
    unchanged(&mut wanted);
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
    let scope = resource.metadata().map(|m| m.owner_scope());
    let id = match scope {
        Some(Scope::Platform) => view.id_in_org(R::KIND, &slug, resource.org())?,
        _ => view.id_of_slug(R::KIND, &slug, resource.org())?,
    };
    id.map_or(Ok(None), |id| view.find(&id))
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
    keep_secrets(stored, &mut old)?;
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
    unrefer(tx, &stored)?;
    refer(tx, &new)?;
    tx.put(&mut new)?;
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
    unrefer(tx, resource)?;
    tx.remove(resource.id())
}
