//! The keys of the one table. `/` separates parts; no id, slug or organization has one in it.

use stigmer_api::Kind;

/// Resource by id: `r/ID`.
pub(super) fn resource(id: &str) -> String {
    format!("r/{id}")
}

/// Id by slug: `s/PREFIX/SLUG/ORG`.
pub(super) fn slug(kind: Kind, slug: &str, org: &str) -> String {
    format!("s/{}/{slug}/{org}", kind.id_prefix())
}

/// Child of a resource: `c/PARENT/CHILD`.
pub(super) fn child(parent: &str, child: &str) -> String {
    format!("c/{parent}/{child}")
}

/// What must still be told Temporal of an execution: `o/EXECUTION/ORDER`.
pub(super) fn outgoing(execution: &str, order: u8) -> String {
    format!("o/{execution}/{order}")
}

/// Execution that has not ended: `e/ID`.
pub(super) fn open(execution: &str) -> String {
    format!("e/{execution}")
}

/// The first key after all that start with `prefix`, which must not be empty.
pub(super) fn after(prefix: &str) -> String {
    // Keys are ASCII, so no key continues a prefix with this character.
    format!("{prefix}\u{7f}")
}
