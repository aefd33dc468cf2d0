//! Resources as others name them: by id, or by reference.

use stigmer_api::{
    Kind,
    apiresource::{
        ApiResourceOwnerScope as Scope, ApiResourceReference, apiresourcekind::ApiResourceKind,
    },
    resource::Resource,
    skill::Skill,
};

use super::entity::Entity;
use crate::{
    error::{Error, Result},
    store::Read,
};

/// The version that is the current one, whatever its tag.
const LATEST: &str = "latest";

/// Refuses an id that is nobody's; `field` is where it stands.
pub(super) fn exists(view: &dyn Read, kind: Kind, field: &'static str, id: &str) -> Result<()> {
    if view.has(kind, id)? {
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
/// organization has one of that name too, whichever organization names it. One that does not say
/// whose it means has the platform's where its organization has none.
pub(super) fn id_behind(
    view: &dyn Read,
    kind: Kind,
    reference: &ApiResourceReference,
) -> Result<Option<String>> {
    let (slug, org) = (&reference.slug, &reference.org);
    let scope = reference.scope();
    if scope == Scope::Platform
        && let Some(id) = view.id_in_org(kind, slug, "")?
    {
        return Ok(Some(id));
    }
    let found = view.id_of_slug(kind, slug, org)?;
    match found.is_none() && scope == Scope::Unspecified {
        true => view.id_in_org(kind, slug, ""),
        false => Ok(found),
    }
}

/// The skill behind a reference, as it was in the version that the reference names.
pub(crate) fn skill_by_reference(
    view: &dyn Read,
    reference: &ApiResourceReference,
) -> Result<Skill> {
    let skill: Skill = by_reference(view, reference)?;
    let wanted = reference.version.as_str();
    if ["", LATEST, hash_of(&skill), tag_of(&skill)].contains(&wanted) {
        return Ok(skill);
    }
    let versions = view.versions(skill.id())?;
    let mut newest = versions.iter().rev();
    let found = match is_hash(wanted) {
        true => newest.find(|v| v.hash == wanted),
        false => newest.find(|v| v.tag == wanted),
    };
    let found = found.map(|version| view.version(version)).transpose()?;
    let missing = || Error::not_found(Kind::Skill, format!("{}, version {wanted}", skill.slug()));
    found.flatten().ok_or_else(missing)
}

pub(super) fn hash_of(skill: &Skill) -> &str {
    skill.status.as_ref().map_or("", |s| &s.version_hash)
}

pub(super) fn tag_of(skill: &Skill) -> &str {
    skill.spec.as_ref().map_or("", |s| &s.tag)
}

/// Whether `text` is the hash of an archive.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
