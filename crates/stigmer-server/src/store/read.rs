//! Reading, alike inside and outside a write transaction.

use std::{ops::ControlFlow, sync::Arc};

use redb::ReadableTable;
use stigmer_api::{Kind, id};

use super::{
    keys,
    seal::{Sealer, Stored},
};
use crate::error::{Error, Result};

/// Sees one key and its value, and says whether to go on.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(&str, &[u8]) -> Result<ControlFlow<()>>;

/// The primitive reads; everything else is made of them.
pub(crate) trait Read {
    /// Shows the value under a key, where there is one.
    fn see(&self, key: &str, see: &mut dyn FnMut(&[u8])) -> Result<()>;

    /// A copy of the value under a key.
    fn value(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let mut found = None;
        self.see(key, &mut |value| found = Some(value.to_vec()))?;
        Ok(found)
    }

    /// Visits keys with `prefix` in ascending (or descending) order until `visit` breaks.
    fn scan(&self, prefix: &str, descending: bool, visit: Visit<'_>) -> Result<()>;

    /// What opens the secrets.
    fn sealer(&self) -> &Sealer;
}

/// A table and what opens the secrets in it.
pub(super) struct Sealed<T> {
    pub(super) table: T,
    pub(super) sealer: Arc<Sealer>,
}

impl<T: ReadableTable<&'static str, &'static [u8]>> Read for Sealed<T> {
    fn see(&self, key: &str, see: &mut dyn FnMut(&[u8])) -> Result<()> {
        if let Some(guard) = self.table.get(key)? {
            see(guard.value());
        }
        Ok(())
    }

    fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    fn scan(&self, prefix: &str, descending: bool, visit: Visit<'_>) -> Result<()> {
        let end = keys::after(prefix);
        let mut range = self.table.range(prefix..end.as_str())?;
        while let Some(entry) = if descending {
            range.next_back()
        } else {
            range.next()
        } {
            let (key, value) = entry?;
            if visit(key.value(), value.value())?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl dyn Read + '_ {
    pub(crate) fn find<R: Stored>(&self, id: &str) -> Result<Option<R>> {
        if !id::is_id(R::KIND, id) {
            return Ok(None);
        }
        let bytes = self.value(&keys::resource(id))?;
        bytes.map(|b| self.sealer().decode(&b)).transpose()
    }

    /// Whether there is such a resource.
    pub(crate) fn has(&self, kind: Kind, id: &str) -> Result<bool> {
        Ok(id::is_id(kind, id) && self.value(&keys::resource(id))?.is_some())
    }

    /// The resource by its id, as ids are called in most requests.
    pub(crate) fn get<R: Stored>(&self, id: &str) -> Result<R> {
        self.named_by("value", id)
    }

    /// The resource by its id in `field`, which is told when it is empty.
    pub(crate) fn named_by<R: Stored>(&self, field: &'static str, id: &str) -> Result<R> {
        if id.is_empty() {
            return Err(Error::invalid(field, "the id is missing"));
        }
        self.find(id)?.ok_or_else(|| Error::not_found(R::KIND, id))
    }

    /// The id behind a slug of just this organization; an empty one is the platform.
    pub(crate) fn id_in_org(&self, kind: Kind, slug: &str, org: &str) -> Result<Option<String>> {
        let id = self.value(&keys::slug(kind, slug, org))?;
        Ok(id.map(|id| String::from_utf8_lossy(&id).into_owned()))
    }

    /// The id behind a slug. Without `org` the slug must be of one organization only.
    pub(crate) fn id_of_slug(&self, kind: Kind, slug: &str, org: &str) -> Result<Option<String>> {
        if !org.is_empty() {
            return self.id_in_org(kind, slug, org);
        }
        let mut found = Vec::new();
        self.scan(&keys::slug(kind, slug, ""), false, &mut |_, id| {
            found.push(String::from_utf8_lossy(id).into_owned());
            Ok(ControlFlow::Continue(()))
        })?;
        if found.len() > 1 {
            let message = format!(
                "`{slug}` exists in {} organizations: say which",
                found.len()
            );
            return Err(Error::invalid("org", message));
        }
        Ok(found.pop())
    }

    pub(crate) fn children(&self, parent: &str) -> Result<Vec<String>> {
        let mut children = Vec::new();
        let prefix = keys::child(parent, "");
        self.scan(&prefix, false, &mut |key, _| {
            children.push(key[prefix.len()..].to_owned());
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(children)
    }

    /// Shows every resource of a kind to `see`, oldest first.
    pub(crate) fn each<R: Stored>(&self, see: &mut dyn FnMut(R) -> Result<()>) -> Result<()> {
        let prefix = keys::resource(&keys::ids(R::KIND));
        self.scan(&prefix, false, &mut |_, value| {
            see(self.sealer().decode(value)?)?;
            Ok(ControlFlow::Continue(()))
        })
    }
}
