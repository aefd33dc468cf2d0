//! Reading, alike inside and outside a write transaction.

use std::{ops::ControlFlow, sync::Arc};

use redb::ReadableTable;
use stigmer_api::{Kind, id, skill::Skill};

use super::{
    keys,
    seal::{Sealer, Stored},
};
use crate::error::{Error, Result};

/// What Temporal must still be told, in the order in which it must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Outgoing {
    Start = 0,
    Cancel = 1,
}

/// A page of a list, newest first.
pub(crate) struct Page<R> {
    pub(crate) entries: Vec<R>,
    /// All entries that match, on every page.
    pub(crate) total: usize,
    /// The token of the next page; empty on the last one.
    pub(crate) next: String,
    pub(crate) size: usize,
}

impl<R> Page<R> {
    /// How many pages there are; 0 when nothing matches.
    pub(crate) fn total_pages(&self) -> i32 {
        i32::try_from(self.total.div_ceil(self.size)).unwrap_or(i32::MAX)
    }
}

const DEFAULT_PAGE: i32 = 50;
const MAX_PAGE: i32 = 500;

/// Sees one key and its value, and says whether to go on.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(&str, &[u8]) -> Result<ControlFlow<()>>;

/// A version of a skill.
pub(crate) struct Version {
    pub(super) key: String,
    pub(super) number: u32,
    pub(crate) hash: String,
    pub(crate) tag: String,
}

/// The primitive reads; everything else is made of them.
pub(crate) trait Read {
    fn value(&self, key: &str) -> Result<Option<Vec<u8>>>;

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
    fn value(&self, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.table.get(key)?.map(|guard| guard.value().to_vec()))
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

    /// The resource by its id; an empty one names the field that should hold it.
    pub(crate) fn get<R: Stored>(&self, id: &str) -> Result<R> {
        if id.is_empty() {
            return Err(Error::invalid("value", "the id is missing"));
        }
        self.find(id)?.ok_or_else(|| Error::not_found(R::KIND, id))
    }

    /// The id behind a slug. Without `org` the slug must be of one organization only.
    pub(crate) fn id_of_slug(&self, kind: Kind, slug: &str, org: &str) -> Result<Option<String>> {
        if !org.is_empty() {
            let id = self.value(&keys::slug(kind, slug, org))?;
            return Ok(id.map(|id| String::from_utf8_lossy(&id).into_owned()));
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
        let prefix = keys::resource(&format!("{}-", R::KIND.id_prefix()));
        self.scan(&prefix, false, &mut |_, value| {
            see(self.sealer().decode(value)?)?;
            Ok(ControlFlow::Continue(()))
        })
    }

    /// The versions of a skill, oldest first.
    pub(crate) fn versions(&self, skill: &str) -> Result<Vec<Version>> {
        let mut versions = Vec::new();
        let prefix = keys::versions(skill);
        self.scan(&prefix, false, &mut |key, _| {
            let mut parts = key[prefix.len()..].splitn(3, '/').map(str::to_owned);
            let mut part = || parts.next().unwrap_or_default();
            versions.push(Version {
                key: key.to_owned(),
                number: part().parse().unwrap_or_default(),
                hash: part(),
                tag: part(),
            });
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(versions)
    }

    /// The skill as it was in a version.
    pub(crate) fn version(&self, version: &Version) -> Result<Option<Skill>> {
        let bytes = self.value(&version.key)?;
        bytes.map(|b| self.sealer().decode(&b)).transpose()
    }

    /// The archive of a skill, by its hash.
    pub(crate) fn artifact(&self, hash: &str) -> Result<Option<Vec<u8>>> {
        self.value(&keys::artifact(hash))
    }

    /// Executions that have not ended, oldest first.
    pub(crate) fn open_executions(&self) -> Result<Vec<String>> {
        let mut open = Vec::new();
        let prefix = keys::open("");
        self.scan(&prefix, false, &mut |key, _| {
            open.push(key[prefix.len()..].to_owned());
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(open)
    }

    /// Everything that Temporal must still be told, oldest execution first.
    pub(crate) fn outbox(&self) -> Result<Vec<(String, Outgoing)>> {
        let mut entries = Vec::new();
        self.scan("o/", false, &mut |key, _| {
            if let Some((id, order)) = key[2..].split_once('/') {
                let what = if order == "0" {
                    Outgoing::Start
                } else {
                    Outgoing::Cancel
                };
                entries.push((id.to_owned(), what));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(entries)
    }

    /// A page of the resources that `keep` keeps, newest first. `token` is the `next` of the
    /// page before, or empty.
    pub(crate) fn page<R: Stored>(
        &self,
        size: i32,
        token: &str,
        keep: &dyn Fn(&R) -> bool,
    ) -> Result<Page<R>> {
        let size = match size {
            0 => DEFAULT_PAGE,
            1..=MAX_PAGE => size,
            _ => {
                let message = format!("must be 1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}");
                return Err(Error::invalid("page_size", message));
            }
        };
        if !token.is_empty() && !id::is_id(R::KIND, token) {
            return Err(Error::invalid("page_token", "is none that this list gave"));
        }
        let size = usize::try_from(size).unwrap_or_default();
        let mut page = Page {
            entries: Vec::new(),
            total: 0,
            next: String::new(),
            size,
        };
        let prefix = keys::resource(&format!("{}-", R::KIND.id_prefix()));
        self.scan(&prefix, true, &mut |key, value| {
            let resource: R = self.sealer().decode(value)?;
            if !keep(&resource) {
                return Ok(ControlFlow::Continue(()));
            }
            page.total += 1;
            if token.is_empty() || key["r/".len()..] < *token {
                if page.entries.len() < size {
                    page.entries.push(resource);
                } else if page.next.is_empty() {
                    page.next = page.entries.last().map_or("", |r| r.id()).to_owned();
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(page)
    }
}
