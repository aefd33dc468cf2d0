//! Lists in pages.

use stigmer_api::{Kind, id};

use super::{keep::Keep, keys, listing::Ulid, listings::Listings, read::Read, seal::Stored};
use crate::error::{Error, Result};

/// A page of a list, newest first.
pub(crate) struct Page<R> {
    pub(crate) entries: Vec<R>,
    /// How many pages there are; 0 when nothing matches.
    pub(crate) total_pages: i32,
    /// The token of the next page; empty on the last one.
    pub(crate) next: String,
}

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

/// A page of the resources that `keep` keeps. The `view` that they are read from is taken when it is known which: so
/// one that is new by then is in both.
pub(super) fn page<R: Stored, V: Read>(
    listings: &Listings,
    view: impl Fn() -> Result<V>,
    mut wanted: Wanted,
    keep: &Keep,
) -> Result<Page<R>> {
    let terms = keep.terms();
    loop {
        let mut pager = Pager::new(R::KIND, &wanted)?;
        listings.with::<R, _>(|all| {
            all.newest_first(keep.phase, &terms, |ulid, bytes| pager.add(ulid, bytes));
        })?;
        let page = pager.read(&view()?, keep)?;
        if !page.entries.is_empty() || page.next.is_empty() {
            return Ok(page);
        }
        // All that were on it are gone by now, and clients take a page without entries for a list without end.
        wanted.token = page.next;
    }
}

/// A page of the children of `parents`, which are of one kind.
pub(super) fn page_of_children<R: Stored>(
    listings: &Listings,
    view: &dyn Read,
    wanted: Wanted,
    parents: &[String],
) -> Result<Page<R>> {
    let mut pager = Pager::new(R::KIND, &wanted)?;
    let mut children = Vec::new();
    for parent in parents {
        let own = view.children(parent)?;
        children.extend(own.iter().filter_map(|id| Ulid::of(id)));
    }
    children.sort_unstable();
    listings.with::<R, _>(|all| {
        for ulid in children.iter().rev() {
            if let Some(bytes) = all.share(*ulid) {
                pager.add(ulid, bytes);
            }
        }
    })?;
    pager.read(view, &Keep::default())
}

/// The resource, where it is there and kept.
fn find<R: Stored>(view: &dyn Read, ulid: Ulid, keep: &Keep) -> Result<Option<R>> {
    let mut found = Ok(None);
    view.see(&keys::resource(&ulid.id(R::KIND)), &mut |wire| {
        if keep.keeps::<R>(wire) {
            found = view.sealer().decode(wire).map(Some);
        }
    })?;
    found
}

/// Takes what is of the wanted page from all that is of the list, newest first.
struct Pager {
    /// The last entry of the page before.
    after: Option<Ulid>,
    /// The pages of the whole list.
    all: Cut,
    /// Those from the wanted one on; when others were put before it, they begin elsewhere.
    own: Cut,
    entries: Vec<Ulid>,
}

impl Pager {
    fn new(kind: Kind, wanted: &Wanted) -> Result<Self> {
        let size = match wanted.size {
            0 => DEFAULT_PAGE,
            size @ 1..=MAX_PAGE => size,
            _ => {
                let message = format!("must be 1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}");
                return Err(Error::invalid("page_size", message));
            }
        };
        if !wanted.token.is_empty() && !id::is_id(kind, &wanted.token) {
            return Err(Error::invalid("page_token", "is none that this list gave"));
        }
        let size = usize::try_from(size).unwrap_or_default();
        Ok(Self {
            after: Ulid::of(&wanted.token),
            all: Cut::new(size),
            own: Cut::new(size),
            entries: Vec::new(),
        })
    }

    fn add(&mut self, ulid: &Ulid, bytes: usize) {
        self.all.add(bytes);
        if self.own.pages > 1 || self.after.is_some_and(|after| *ulid >= after) {
            return;
        }
        self.own.add(bytes);
        if self.own.pages == 1 {
            self.entries.push(*ulid);
        }
    }

    /// What was deleted meanwhile, or is kept no more, is left out.
    fn read<R: Stored>(self, view: &dyn Read, keep: &Keep) -> Result<Page<R>> {
        let last = self.entries.last().filter(|_| self.own.pages > 1);
        let entries = self.entries.iter();
        let entries = entries.filter_map(|ulid| find(view, *ulid, keep).transpose());
        Ok(Page {
            entries: entries.collect::<Result<_>>()?,
            total_pages: i32::try_from(self.all.pages).unwrap_or(i32::MAX),
            next: last.map(|ulid| ulid.id(R::KIND)).unwrap_or_default(),
        })
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
    use super::*;

    #[test]
    fn so_many_entries_may_be_asked_for_and_no_more() {
        for (size, taken) in [(-1, false), (0, true), (500, true), (501, false)] {
            let token = String::new();
            let pager = Pager::new(Kind::Agent, &Wanted { size, token });
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
