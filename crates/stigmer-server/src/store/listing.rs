//! What lists must know of each resource of a kind to cut their pages, so that no value is read for it.

use stigmer_api::{Kind, agentexecution::ExecutionPhase as Phase, resource::Resource};

use super::{keep::phase, size::share};

/// An id without the prefix of its kind. Ids of a kind are in the order of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ulid([u8; 26]);

impl Ulid {
    pub(super) fn of(id: &str) -> Option<Self> {
        let (_, ulid) = id.split_once('-')?;
        ulid.as_bytes().try_into().ok().map(Self)
    }

    pub(super) fn id(self, kind: Kind) -> String {
        let ulid = String::from_utf8_lossy(&self.0);
        format!("{}-{ulid}", kind.id_prefix())
    }
}

/// What is known of a resource.
#[derive(Clone, Copy)]
struct Summary {
    /// Of how many bytes of a page it is.
    share: u32,
    phase: Phase,
}

impl Summary {
    fn of<R: Resource>(wire: &[u8]) -> Self {
        Self {
            share: u32::try_from(share::<R>(wire)).unwrap_or(u32::MAX),
            phase: phase::<R>(wire),
        }
    }
}

struct Entry {
    ulid: Ulid,
    /// Nothing of one that was deleted: to take it out at once would move all that are newer.
    summary: Option<Summary>,
}

/// All resources of one kind.
pub(super) struct Listing {
    summary: fn(&[u8]) -> Summary,
    /// Oldest first. An array, because a debug build walks a tree ten times as long.
    entries: Vec<Entry>,
    deleted: usize,
}

impl Listing {
    pub(super) fn new<R: Resource>() -> Self {
        Self {
            summary: Summary::of::<R>,
            entries: Vec::new(),
            deleted: 0,
        }
    }

    /// Takes up what is stored of `ulid` by now, if anything is. To be told so twice changes nothing.
    pub(super) fn note(&mut self, ulid: Ulid, value: Option<&[u8]>) {
        let summary = value.map(self.summary);
        match self.entries.binary_search_by_key(&ulid, |it| it.ulid) {
            Ok(place) => {
                let old = std::mem::replace(&mut self.entries[place].summary, summary);
                self.deleted += usize::from(summary.is_none());
                self.deleted -= usize::from(old.is_none());
            }
            // Ids ascend, so it is the last place, but for those that a client chose.
            Err(place) if summary.is_some() => self.entries.insert(place, Entry { ulid, summary }),
            Err(_) => {}
        }
        if self.deleted > self.entries.len() / 2 {
            self.entries.retain(|it| it.summary.is_some());
            self.deleted = 0;
        }
    }

    /// Shows `see` those in a phase, or all where it is unspecified, each with its share of a page. An iterator of these
    /// would take a debug build ten times as long.
    pub(super) fn newest_first(&self, phase: Phase, mut see: impl FnMut(&Ulid, usize)) {
        let any = phase == Phase::Unspecified;
        for entry in self.entries.iter().rev() {
            if let Some(summary) = entry.summary
                && (any || summary.phase == phase)
            {
                see(&entry.ulid, summary.share as usize);
            }
        }
    }

    /// The share of a page that one has that is there.
    pub(super) fn share(&self, ulid: Ulid) -> Option<usize> {
        let place = self.entries.binary_search_by_key(&ulid, |it| it.ulid);
        let summary = self.entries[place.ok()?].summary?;
        Some(summary.share as usize)
    }
}

#[cfg(test)]
mod tests {
    use stigmer_api::agent::Agent;

    use super::*;

    /// The figure of the docs.
    #[test]
    fn one_takes_36_bytes() {
        assert_eq!(size_of::<Entry>(), 36);
    }

    #[test]
    fn what_was_deleted_takes_no_more_room_than_what_is_there() {
        let mut listing = Listing::new::<Agent>();
        let ulids: Vec<_> = (0..100)
            .filter_map(|n| Ulid::of(&format!("agt-{n:026}")))
            .collect();
        ulids.iter().for_each(|it| listing.note(*it, Some(b"")));
        for (deleted, ulid) in ulids.iter().enumerate() {
            listing.note(*ulid, None);
            listing.note(*ulid, None);
            let mut left = 0;
            listing.newest_first(Phase::Unspecified, |_, _| left += 1);
            assert_eq!(left, 99 - deleted);
            assert!(listing.entries.len() <= 2 * (99 - deleted));
        }
    }
}
