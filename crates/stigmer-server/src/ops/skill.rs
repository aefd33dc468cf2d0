//! Skills: pushed as archives, kept in versions.

use ring::digest::{SHA256, digest};
use skill_archive::SkillInfo;
use stigmer_api::{
    Kind,
    apiresource::{ApiResourceMetadata, ApiResourceOwnerScope as Scope},
    resource::Resource,
    skill::{PushSkillRequest, Skill, SkillSpec, SkillState, SkillStatus},
    validate::{Validate, Violations},
};

use super::{
    audit::{unchanged, updated},
    lifecycle::{complete, insert, take_out},
    lookup::{hash_of, is_hash, tag_of},
    references,
};
use crate::{
    error::{Error, Result},
    store::{Read, Tx, artifact_key, hash_of_artifact},
};

/// A push whose archive was found good.
pub(crate) struct Checked {
    request: PushSkillRequest,
    skill_md: String,
    hash: String,
}

/// Looks into the archive; takes as long as it is large.
pub(crate) fn check(request: PushSkillRequest) -> Result<Checked> {
    if request.artifact.is_empty() {
        return Err(Error::invalid("artifact", "is required"));
    }
    let checked = skill_archive::check(&request.artifact);
    let SkillInfo { skill_md, .. } =
        checked.map_err(|why| Error::invalid("artifact", why.to_string()))?;
    let hash = digest(&SHA256, &request.artifact);
    let hash = hash.as_ref().iter().map(|byte| format!("{byte:02x}"));
    Ok(Checked {
        request,
        skill_md,
        hash: hash.collect(),
    })
}

/// Stores a new skill or a new version of one. The answer's `audit.spec_audit.event` tells which:
/// `created`, `updated`, or `unchanged` for the archive and tag that are the current ones.
pub(crate) fn push(tx: &mut Tx<'_>, checked: Checked) -> Result<Skill> {
    let Checked {
        request,
        skill_md,
        hash,
    } = checked;
    let mut skill = Skill {
        metadata: Some(ApiResourceMetadata {
            owner_scope: match request.scope {
                0 => Scope::Organization.into(),
                scope => scope,
            },
            name: request.name,
            org: request.org,
            ..Default::default()
        }),
        spec: Some(SkillSpec {
            skill_md,
            tag: request.tag.clone(),
        }),
        ..Default::default()
    };
    skill.set_envelope();
    skill.validate().map_err(as_pushed)?;
    complete(&mut skill);
    let view = tx.view();
    let id = view.id_in_org(Kind::Skill, skill.slug(), skill.org())?;
    let mut skill = match id {
        None => insert(tx, skill)?,
        Some(id) => {
            let mut stored: Skill = tx.view().get(&id)?;
            if hash_of(&stored) == hash && tag_of(&stored) == request.tag {
                unchanged(&mut stored);
                return Ok(stored);
            }
            stored.spec = skill.spec;
            updated(&mut stored);
            stored
        }
    };
    let status = skill.status.get_or_insert_with(SkillStatus::default);
    status.version_hash.clone_from(&hash);
    status.artifact_storage_key = artifact_key(&hash);
    status.set_state(SkillState::Ready);
    if tx.view().children(&hash)?.is_empty() {
        tx.put_artifact(&hash, &request.artifact)?;
    }
    tx.link(&hash, skill.id())?;
    tx.put_version(&mut skill, &hash, &request.tag)?;
    tx.put(&mut skill)?;
    Ok(skill)
}

/// The violations by the names of the request, which has no metadata and no spec.
fn as_pushed(mut broken: Violations) -> Error {
    for violation in &mut broken.0 {
        let name = match violation.field.as_str() {
            "metadata.name" => "name",
            "metadata.org" => "org",
            "metadata.owner_scope" => "scope",
            "spec.skill_md" => "artifact",
            "spec.tag" => "tag",
            _ => continue,
        };
        name.clone_into(&mut violation.field);
    }
    Error::Broken(broken)
}

/// The archive with this storage key, which is of one form only.
pub(crate) fn artifact(view: &dyn Read, key: &str) -> Result<Vec<u8>> {
    let Some(hash) = hash_of_artifact(key).filter(|hash| is_hash(hash)) else {
        let message =
            "must be `skills/HASH.zip` with the 64 hexadecimal digits of a version's hash";
        return Err(Error::invalid("artifact_storage_key", message));
    };
    let found = view.artifact(hash)?;
    found.ok_or_else(|| Error::not_found(Kind::Skill, format!("archive {key}")))
}

/// Deletes a skill that no agent refers to, with its versions and the archives that only they had.
pub(crate) fn delete(tx: &mut Tx<'_>, id: &str) -> Result<Skill> {
    let skill: Skill = tx.view().get(id)?;
    references::no_agent_has(tx.view(), &skill)?;
    for version in tx.view().versions(id)? {
        tx.remove_version(&version)?;
        tx.unlink(&version.hash, id)?;
        if tx.view().children(&version.hash)?.is_empty() {
            tx.remove_artifact(&version.hash)?;
        }
    }
    take_out(tx, &skill)?;
    Ok(skill)
}
