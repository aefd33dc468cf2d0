//! The organization and the tags of resources: lists are narrowed by these, and most resources have the same few.

use std::{collections::HashMap, sync::Arc};

use ring::digest::{SHA256, digest};

/// An organization and tags, sorted, each once.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Terms(Arc<[u128]>);

impl Terms {
    /// An empty organization is none.
    pub(super) fn new(org: &str, tags: &[String]) -> Self {
        let org = Some(org).filter(|it| !it.is_empty());
        let org = org.map(|org| term(b'o', org)).into_iter();
        let tags = tags.iter().map(|tag| term(b't', tag));
        let mut terms: Vec<_> = org.chain(tags).collect();
        terms.sort_unstable();
        terms.dedup();
        Self(terms.into())
    }

    pub(super) fn has_all(&self, wanted: &Self) -> bool {
        let mut own = self.0.iter();
        let mut wanted = wanted.0.iter();
        wanted.all(|it| own.find(|own| *own >= it) == Some(it))
    }
}

/// A text of up to 14 bytes is there as it is. Of a longer one, which may have mebibytes, there is a hash.
fn term(of: u8, text: &str) -> u128 {
    let hash = (text.len() > 14).then(|| digest(&SHA256, text.as_bytes()));
    let kept = hash
        .as_ref()
        .map_or(text.as_bytes(), |it| &it.as_ref()[..14]);
    let mut term = [0; 16];
    term[..kept.len()].copy_from_slice(kept);
    term[14] = u8::try_from(text.len()).unwrap_or(u8::MAX);
    term[15] = of;
    u128::from_ne_bytes(term)
}

#[derive(Default)]
struct Set {
    terms: Terms,
    /// How many have it.
    count: usize,
}

/// Each has a number as long as anybody has it.
#[derive(Default)]
pub(super) struct TermSets {
    /// By number.
    sets: Vec<Set>,
    numbers: HashMap<Terms, u32>,
    /// The numbers of those that nobody has any more.
    free: Vec<u32>,
}

impl TermSets {
    /// The number of a set that one more has.
    pub(super) fn take(&mut self, terms: Terms) -> u32 {
        let number = match self.numbers.get(&terms) {
            Some(number) => *number,
            None => self.add(terms),
        };
        self.sets[number as usize].count += 1;
        number
    }

    fn add(&mut self, terms: Terms) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.sets.push(Set::default());
            // There are no more sets than resources, and no memory has so many of these.
            u32::try_from(self.sets.len() - 1).unwrap_or(u32::MAX)
        });
        self.sets[number as usize].terms = terms.clone();
        self.numbers.insert(terms, number);
        number
    }

    /// One less has it.
    pub(super) fn give_back(&mut self, number: u32) {
        let set = &mut self.sets[number as usize];
        set.count -= 1;
        if set.count == 0 {
            self.numbers.remove(&set.terms);
            set.terms = Terms::default();
            self.free.push(number);
        }
    }

    /// Whether a set has all that is wanted, by number.
    pub(super) fn having(&self, wanted: &Terms) -> Vec<bool> {
        if wanted.0.is_empty() {
            return vec![true; self.sets.len()];
        }
        let sets = self.sets.iter();
        sets.map(|set| set.terms.has_all(wanted)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn terms(org: &str, tags: &[&str]) -> Terms {
        let tags: Vec<_> = tags.iter().map(|it| (*it).to_owned()).collect();
        Terms::new(org, &tags)
    }

    #[test]
    fn different_texts_are_different_terms() {
        let long = |last: &str| "x".repeat(13) + last;
        let short = ["", "\0", "a", "a\0"].map(str::to_owned);
        let long = ["", "y", "yy", "yz", "yzz"].map(long);
        let texts = [&short[..], &long].concat();
        let both = |text: &String| [term(b'o', text), term(b't', text)];
        let terms: HashSet<_> = texts.iter().flat_map(both).collect();
        assert_eq!(terms.len(), 2 * texts.len());
    }

    #[test]
    fn a_number_is_of_one_set_and_kept_while_anybody_has_it() {
        let mut sets = TermSets::default();
        let (a, b) = (terms("", &["x", "y"]), terms("acme", &[]));
        let first = sets.take(a.clone());
        assert_eq!(sets.take(terms("", &["y", "x"])), first);
        sets.give_back(first);
        assert_ne!(sets.take(b.clone()), first);
        assert_eq!(sets.having(&a), [true, false]);
        sets.give_back(first);
        assert_eq!((sets.having(&a), sets.numbers.len()), (vec![false; 2], 1));
        // The number is free for another, and the set has one of its own again.
        assert_eq!(sets.take(terms("", &["z"])), first);
        assert_ne!(sets.take(a.clone()), first);
        assert_eq!(sets.having(&a), [false, false, true]);
        assert_eq!(sets.having(&b), [false, true, false]);
    }
}
