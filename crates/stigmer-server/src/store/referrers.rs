//! Who names a slug in a reference, so that nobody has to be read who does not. Whether the slug means a certain
//! resource depends on the organization, and is for who asks.

use std::ops::ControlFlow;

use stigmer_api::{Kind, slug};

use super::{keys, read::Read, tx::Tx};
use crate::error::Result;

impl dyn Read + '_ {
    /// The ids of all that name `slug` as one of `kind`.
    pub(crate) fn referrers(&self, kind: Kind, slug: &str) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        let prefix = keys::referrer(kind, slug, "");
        self.scan(&prefix, false, &mut |key, _| {
            ids.push(key[prefix.len()..].to_owned());
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(ids)
    }

    /// Whether [`Read::referrers`] knows all; a database from before it was kept does not.
    pub(crate) fn knows_referrers(&self) -> Result<bool> {
        Ok(self.value(keys::REFERRERS)?.is_some())
    }
}

impl Tx<'_> {
    /// Notes that `id` names `slug` as one of `kind`.
    pub(crate) fn refer(&mut self, kind: Kind, slug: &str, id: &str) -> Result<()> {
        // What is no slug is nobody's, and would be no part of a key.
        match slug::check(slug) {
            Ok(()) => self.set(keys::referrer(kind, slug, id), &[]),
            Err(_) => Ok(()),
        }
    }

    /// Takes the note back.
    pub(crate) fn unrefer(&mut self, kind: Kind, slug: &str, id: &str) -> Result<()> {
        self.unset(keys::referrer(kind, slug, id)).map(drop)
    }

    /// Says that all are noted.
    pub(crate) fn know_referrers(&mut self) -> Result<()> {
        self.set(keys::REFERRERS.to_owned(), &[])
    }
}
