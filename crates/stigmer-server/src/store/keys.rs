//! The keys of the one table. `/` separates parts; no id, slug or organization has one in it.

use stigmer_api::Kind;

/// Resource by id: `r/ID`.
pub(super) fn resource(id: &str) -> String {
    format!("r/{id}")
}

/// The id in the key of a resource; other keys have none.
pub(super) fn id_of_resource(key: &str) -> Option<&str> {
    key.strip_prefix("r/")
}

/// What every id of a kind starts with.
pub(super) fn ids(kind: Kind) -> String {
    format!("{}-", kind.id_prefix())
}

/// Id by slug: `s/PREFIX/SLUG/ORG`.
pub(super) fn slug(kind: Kind, slug: &str, org: &str) -> String {
    format!("s/{}/{slug}/{org}", kind.id_prefix())
}

/// Child of a resource: `c/PARENT/CHILD`.
pub(super) fn child(parent: &str, child: &str) -> String {
    format!("c/{parent}/{child}")
}

/// Who names a slug in a reference: `u/PREFIX/SLUG/ID`.
pub(super) fn referrer(kind: Kind, slug: &str, id: &str) -> String {
    format!("u/{}/{slug}/{id}", kind.id_prefix())
}

/// Where it stands that all of them are noted.
pub(super) const REFERRERS: &str = "k/referrers";
pub(super) const DEFAULT_INSTANCES: &str = "k/default-instances";

/// What every note of the outbox starts with.
pub(super) const OUTBOX: &str = "o/";

/// What must still be told Temporal of an execution: `o/EXECUTION/ORDER`.
pub(super) fn outgoing(execution: &str, order: u8) -> String {
    format!("{OUTBOX}{execution}/{order}")
}

/// Execution that has not ended: `e/ID`.
pub(super) fn open(execution: &str) -> String {
    format!("e/{execution}")
}

/// A text that only the right key of the secrets opens.
pub(super) const CHECK: &str = "k/check";

/// Where it is tried whether anything can be written.
pub(super) const PROBE: &str = "k/probe";

/// The archive of a skill, by its hash; also how clients name it.
pub(crate) fn artifact(hash: &str) -> String {
    format!("skills/{hash}.zip")
}

/// The hash in the key of an archive.
pub(crate) fn hash_of_artifact(key: &str) -> Option<&str> {
    key.strip_prefix("skills/")?.strip_suffix(".zip")
}

/// A version of a skill: `v/SKILL/NUMBER/HASH/TAG`, ascending in the order of the pushes.
pub(super) fn version(skill: &str, number: u32, hash: &str, tag: &str) -> String {
    format!("{}{number:010}/{hash}/{tag}", versions(skill))
}

/// What all versions of a skill start with.
pub(super) fn versions(skill: &str) -> String {
    format!("v/{skill}/")
}

/// The first key after all that start with `prefix`, which must not be empty.
pub(super) fn after(prefix: &str) -> String {
    // Keys are ASCII, so no key continues a prefix with this character.
    format!("{prefix}\u{7f}")
}
