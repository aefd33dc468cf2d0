//! What lists must know of each resource of a kind to cut their pages, so that no value is read for it.

use stigmer_api::{Kind, agentexecution::ExecutionPhase as Phase, resource::Resource};

use super::{
    keep::{phase, terms},
    size::share,
    terms::{TermSets, Terms},
};

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
    /// The number of its organization and tags.
    terms: u32,
}

impl Summary {
    fn of<R: Resource>(wire: &[u8], terms: u32) -> Self {
        Self {
            share: u32::try_from(share::<R>(wire)).unwrap_or(u32::MAX),
            phase: phase::<R>(wire),
            terms,
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
    summary: fn(&[u8], u32) -> Summary,
    /// Oldest first. An array, because a debug build walks a tree ten times as long.
    entries: Vec<Entry>,
    deleted: usize,
    sets: TermSets,
}

impl Listing {
    pub(super) fn new<R: Resource>() -> Self {
        Self {
            summary: Summary::of::<R>,
            entries: Vec::new(),
            deleted: 0,
            sets: TermSets::default(),
        }
    }

    /// Takes up what is stored of `ulid` by now, if anything is. To be told so twice changes nothing.
    pub(super) fn note(&mut self, ulid: Ulid, value: Option<&[u8]>) {
        let summary = value.map(|wire| (self.summary)(wire, self.sets.take(terms(wire))));
        match self.entries.binary_search_by_key(&ulid, |it| it.ulid) {
            Ok(place) => {
                let old = std::mem::replace(&mut self.entries[place].summary, summary);
                self.deleted += usize::from(summary.is_none());
                self.deleted -= usize::from(old.is_none());
                if let Some(old) = old {
                    self.sets.give_back(old.terms);
                }
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

    /// Shows `see` those in a phase, or all where it is unspecified, that have all of `terms`, each with its share of a
    /// page. An iterator of these would take a debug build ten times as long.
    pub(super) fn newest_first(
        &self,
        phase: Phase,
        terms: &Terms,
        mut see: impl FnMut(&Ulid, usize),
    ) {
        let any = phase == Phase::Unspecified;
        let having = self.sets.having(terms);
        let having = having.as_slice();
        for entry in self.entries.iter().rev() {
            if let Some(summary) = entry.summary
                && (any || summary.phase == phase)
                && having[summary.terms as usize]
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
#[expect(clippy::unwrap_used)]
mod tests {
    use prost::Message;
    use stigmer_api::{agent::Agent, agentexecution::AgentExecution};

    use super::*;

    const ANY: Phase = Phase::Unspecified;

    /// The figure of the docs.
    #[test]
    fn one_takes_40_bytes() {
        assert_eq!(size_of::<Entry>(), 40);
    }

    fn ulid(number: usize) -> Ulid {
        Ulid::of(&format!("aex-{number:026}")).unwrap()
    }

    fn tagged(tags: &[&str]) -> Terms {
        let tags: Vec<_> = tags.iter().map(|it| (*it).to_owned()).collect();
        Terms::new("", &tags)
    }

    fn put(listing: &mut Listing, number: usize, phase: Phase, tags: &[&str]) {
        let mut execution = AgentExecution::default();
        execution.metadata_mut().tags = tags.iter().map(|it| (*it).to_owned()).collect();
        execution.status.get_or_insert_default().phase = phase.into();
        listing.note(ulid(number), Some(&execution.encode_to_vec()));
    }

    fn listed(listing: &Listing, phase: Phase, tags: &[&str]) -> Vec<Ulid> {
        let mut listed = Vec::new();
        listing.newest_first(phase, &tagged(tags), |it, _| listed.push(*it));
        listed
    }

    #[test]
    fn what_was_deleted_takes_no_more_room_than_what_is_there() {
        let mut listing = Listing::new::<Agent>();
        (0..100).for_each(|it| listing.note(ulid(it), Some(b"")));
        for deleted in 0..100 {
            listing.note(ulid(deleted), None);
            listing.note(ulid(deleted), None);
            let left = listed(&listing, ANY, &[]).len();
            assert_eq!(left, 99 - deleted);
            assert!(listing.entries.len() <= 2 * (99 - deleted));
        }
    }

    #[test]
    fn one_is_listed_by_all_that_was_stored_last() {
        let (done, failed) = (Phase::ExecutionCompleted, Phase::ExecutionFailed);
        let mut listing = Listing::new::<AgentExecution>();
        put(&mut listing, 0, done, &["a", "b"]);
        put(&mut listing, 1, failed, &["b"]);
        put(&mut listing, 2, done, &["b", "a"]);
        assert_eq!(listed(&listing, ANY, &["b"]), [2, 1, 0].map(ulid));
        assert_eq!(listed(&listing, ANY, &["b", "a"]), [2, 0].map(ulid));
        assert_eq!(listed(&listing, failed, &["b"]), [ulid(1)]);
        assert_eq!(listed(&listing, failed, &["a"]), []);
        for _ in 0..2 {
            put(&mut listing, 0, failed, &["a", "c"]);
            assert_eq!(listed(&listing, ANY, &["b"]), [2, 1].map(ulid));
            assert_eq!(listed(&listing, failed, &["a"]), [ulid(0)]);
        }
        for _ in 0..2 {
            listing.note(ulid(2), None);
            assert_eq!(listed(&listing, ANY, &["a"]), [ulid(0)]);
        }
    }

    /// Ten are there at once.
    #[test]
    fn what_nobody_is_tagged_with_any_more_takes_no_room() {
        let mut listing = Listing::new::<AgentExecution>();
        for number in 0..200 {
            let tag = number.to_string();
            for tag in ["new", &tag, &tag] {
                put(&mut listing, number, ANY, &[tag]);
            }
            if let Some(old) = number.checked_sub(10) {
                listing.note(ulid(old), None);
                listing.note(ulid(old), None);
                assert_eq!(listed(&listing, ANY, &[&old.to_string()]), []);
            }
            let sets = listing.sets.having(&Terms::default());
            assert!(sets.len() <= 12, "{}", sets.len());
            assert_eq!(listed(&listing, ANY, &[&tag]), [ulid(number)]);
        }
    }
}
