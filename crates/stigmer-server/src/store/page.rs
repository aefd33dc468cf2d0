//! Lists in pages.

use std::ops::ControlFlow;

use stigmer_api::id;

use super::{keys, read::Read, seal::Stored, size::share};
use crate::error::{Error, Result};

/// A page of a list, newest first.
pub(crate) struct Page<R> {
    pub(crate) entries: Vec<R>,
    /// How many pages there are; 0 when nothing matches.
    pub(crate) total_pages: i32,
    /// The token of the next page; empty on the last one.
    pub(crate) next: String,
}

/// Whether a resource is of a list; without one all are.
pub(crate) type Keep<R> = Option<Box<dyn Fn(&R) -> bool + Send>>;

/// Which page is wanted, as a request says it.
pub(crate) struct Wanted {
    /// How many entries at most; 0 for the default.
    pub(crate) size: i32,
    /// The `next` of the page before, or empty.
    pub(crate) token: String,
}

const DEFAULT_PAGE: i32 = 50;
pub(super) const MAX_PAGE: i32 = 500;

/// Bytes of the entries of a page as they are stored, unless one alone has more. Below the 4 MiB that
/// gRPC clients take by default, with room for what stands around the entries. What takes much memory
/// counts as more bytes than it has.
pub(crate) const PAGE_BYTES: usize = 4_000_000;

impl dyn Read + '_ {
    /// A page of the resources that `keep` keeps. Of those that none asks to be kept only what is on the page is decoded.
    pub(crate) fn page<R: Stored>(&self, wanted: &Wanted, keep: &Keep<R>) -> Result<Page<R>> {
        let mut pager = Pager::<R>::new(wanted)?;
        let prefix = keys::resource(&format!("{}-", R::KIND.id_prefix()));
        self.scan(&prefix, true, &mut |key, value| {
            let id = keys::id_of_resource(key);
            let decode = || self.sealer().decode(value);
            match keep {
                None => pager.offer(id, share::<R>(value), decode)?,
                Some(keep) => {
                    let resource = decode()?;
                    if keep(&resource) {
                        pager.offer(id, share::<R>(value), || Ok(resource))?;
                    }
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(pager.page())
    }

    /// A page of the children of `parent`, which are of one kind.
    pub(crate) fn page_of_children<R: Stored>(
        &self,
        wanted: &Wanted,
        parent: &str,
    ) -> Result<Page<R>> {
        let mut pager = Pager::<R>::new(wanted)?;
        for id in self.children(parent)?.iter().rev() {
            let value = self.value(&keys::resource(id))?;
            let value = value.ok_or_else(|| Error::not_found(R::KIND, id))?;
            pager.offer(id, share::<R>(&value), || self.sealer().decode(&value))?;
        }
        Ok(pager.page())
    }
}

/// Takes what is of the wanted page from all that is of the list, newest first.
struct Pager<R> {
    token: String,
    /// The pages of the whole list.
    all: Cut,
    /// Those from the wanted one on; when others were put before it, they begin elsewhere.
    own: Cut,
    entries: Vec<R>,
    next: String,
}

impl<R: Stored> Pager<R> {
    fn new(wanted: &Wanted) -> Result<Self> {
        let size = match wanted.size {
            0 => DEFAULT_PAGE,
            size @ 1..=MAX_PAGE => size,
            _ => {
                let message = format!("must be 1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}");
                return Err(Error::invalid("page_size", message));
            }
        };
        if !wanted.token.is_empty() && !id::is_id(R::KIND, &wanted.token) {
            return Err(Error::invalid("page_token", "is none that this list gave"));
        }
        let size = usize::try_from(size).unwrap_or_default();
        Ok(Self {
            token: wanted.token.clone(),
            all: Cut::new(size),
            own: Cut::new(size),
            entries: Vec::new(),
            next: String::new(),
        })
    }

    fn offer(
        &mut self,
        id: &str,
        bytes: usize,
        resource: impl FnOnce() -> Result<R>,
    ) -> Result<()> {
        self.all.add(bytes);
        if !self.token.is_empty() && *id >= *self.token {
            return Ok(());
        }
        self.own.add(bytes);
        if self.own.pages == 1 {
            self.entries.push(resource()?);
        } else if self.next.is_empty() {
            self.next = self.entries.last().map_or("", |r| r.id()).to_owned();
        }
        Ok(())
    }

    fn page(self) -> Page<R> {
        Page {
            entries: self.entries,
            total_pages: i32::try_from(self.all.pages).unwrap_or(i32::MAX),
            next: self.next,
        }
    }
}

/// Cuts a list into pages by number and size of the entries.
struct Cut {
    size: usize,
    pages: usize,
    /// Entries and bytes of the last page.
    entries: usize,
    bytes: usize,
}

impl Cut {
    fn new(size: usize) -> Self {
        Self {
            size,
            pages: 0,
            entries: 0,
            bytes: 0,
        }
    }

    fn add(&mut self, bytes: usize) {
        let full = self.entries == self.size || self.bytes + bytes > PAGE_BYTES;
        if self.pages == 0 || full {
            (self.pages, self.entries, self.bytes) = (self.pages + 1, 0, 0);
        }
        self.entries += 1;
        self.bytes += bytes;
    }
}

#[cfg(test)]
mod tests {
    use stigmer_api::agent::Agent;

    use super::*;

    #[test]
    fn so_many_entries_may_be_asked_for_and_no_more() {
        for (size, taken) in [(-1, false), (0, true), (500, true), (501, false)] {
            let token = String::new();
            let pager = Pager::<Agent>::new(&Wanted { size, token });
            assert_eq!(pager.is_ok(), taken, "{size}");
        }
    }

    #[test]
    fn a_page_has_so_many_entries_and_bytes_and_no_more() {
        for (entries, pages) in [
            (vec![1; 50], 1),
            (vec![1; 51], 2),
            (vec![2_000_000, 2_000_000], 1),
            (vec![2_000_000, 2_000_001], 2),
            // One alone may have more.
            (vec![4_000_001], 1),
        ] {
            let mut cut = Cut::new(50);
            entries.iter().for_each(|bytes| cut.add(*bytes));
            assert_eq!(cut.pages, pages, "{entries:?}");
        }
    }
}
