//! What the store must know of each kind of resource.

use stigmer_api::{Kind, apiresource::ApiResourceReference, secret::Secrets, validate::Validate};

use crate::{error::Result, store::Read};

/// A resource as the store knows it.
pub(crate) trait Entity: Validate + Secrets {
    /// Whether people refer to it by slug, which is then unique in its organization.
    const BY_SLUG: bool = true;

    /// The resource that it belongs to, and the field that names it.
    fn parent(&self) -> Option<(Kind, &'static str, String)>;

    /// The kind that its references name.
    const REFERS_TO: Kind = Kind::Skill;

    /// All of its references.
    fn references(&self) -> Vec<&ApiResourceReference> {
        Vec::new()
    }

    /// Gives references their kind, which clients may leave out.
    fn complete_references(&mut self) {}

    /// Refuses references to what is not there.
    fn check_references(&self, _: &dyn Read) -> Result<()> {
        Ok(())
    }
}
