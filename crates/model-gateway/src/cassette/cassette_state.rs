//! A cassette that is held: what is left of it, or what it has so far.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    file::{AGAIN, Cassette, Entry, FORMAT},
    nearest::Nearest,
    readable::Readable,
};
use crate::budget::Share;

/// Misses, and exchanges that were not recorded, that are told one by one; more are only counted.
pub(super) const TOLD: usize = 100;

/// A cassette that is held.
#[derive(Debug)]
pub struct CassetteState {
    /// Whether chunks come when they came, and not at once.
    pub timed: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    head: Cassette,
    /// Entries with the numbers of their requests, which may end in another order.
    entries: Vec<(usize, Arc<Entry>)>,
    used: Vec<bool>,
    /// Requests so far, while recording.
    asked: usize,
    misses: Vec<Value>,
    missed: usize,
    refused: Vec<String>,
    not_recorded: usize,
    shares: Vec<Share>,
}

/// What a cassette has for a request.
pub(super) enum Lookup {
    /// This answer.
    Entry(Arc<Entry>),
    /// Nothing more: so many answers are used.
    Used(usize),
    /// Nothing for this request; these are for others.
    Others(Vec<Arc<Entry>>),
}

impl CassetteState {
    fn new(mut head: Cassette, timed: bool, shares: Vec<Share>) -> Self {
        let entries = head.entries.drain(..).map(Arc::new);
        let entries: Vec<_> = entries.enumerate().collect();
        let state = State {
            head,
            used: vec![false; entries.len()],
            entries,
            asked: 0,
            misses: Vec::new(),
            missed: 0,
            refused: Vec::new(),
            not_recorded: 0,
            shares,
        };
        let state = Mutex::new(state);
        Self { timed, state }
    }

    /// One to replay.
    pub fn loaded(cassette: Cassette, timed: bool, share: Share) -> Self {
        Self::new(cassette, timed, vec![share])
    }

    /// An empty one of a kind of model.
    pub fn recording(upstream: &str, share: Share) -> Self {
        let head = Cassette {
            format: FORMAT,
            model: String::new(),
            recorded: chrono::Utc::now().date_naive().to_string(),
            upstream: upstream.to_owned(),
            entries: Vec::new(),
        };
        Self::new(head, false, vec![share])
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can stop in the middle of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next answer to the canonical request of a key, each once.
    pub(super) fn take(&self, key: &str) -> Lookup {
        let mut state = self.state();
        let State { entries, used, .. } = &mut *state;
        let mut same = 0;
        for ((_, entry), used) in entries.iter().zip(used) {
            if entry.key == key {
                if !std::mem::replace(used, true) {
                    return Lookup::Entry(Arc::clone(entry));
                }
                same += 1;
            }
        }
        if same > 0 {
            return Lookup::Used(same);
        }
        Lookup::Others(entries.iter().map(|(_, entry)| Arc::clone(entry)).collect())
    }

    /// Notes that a request was asked in vain; what its client is told.
    pub(super) fn miss(
        &self,
        name: &str,
        key: &str,
        used: usize,
        near: Option<&Nearest>,
    ) -> String {
        // The beginning says all in few words: whoever passes an error on may cut it short.
        let why = match near {
            _ if used > 0 => format!("its {used} for this request are used; {AGAIN}"),
            None => format!("it is empty; {AGAIN}"),
            Some(Nearest { key, first, diff }) => {
                format!("nearest {key}: {first}; {AGAIN}\n{diff}")
            }
        };
        let message = format!("cassette `{name}` misses {key}; {why}");
        let near = near.map(|near| &near.key);
        let miss = json!({ "key": key, "nearest": near, "message": message });
        let mut state = self.state();
        state.missed += 1;
        if state.missed <= TOLD {
            state.misses.push(miss);
        }
        drop(state);
        message
    }

    /// A request's number, while recording.
    pub(super) fn ask(&self, model: &str) -> usize {
        let mut state = self.state();
        if state.head.model.is_empty() {
            model.clone_into(&mut state.head.model);
        }
        state.asked += 1;
        state.asked
    }

    /// Adds an exchange.
    pub(super) fn record(&self, n: usize, entry: Entry, share: Share) {
        let mut state = self.state();
        state.entries.push((n, Arc::new(entry)));
        state.entries.sort_by_key(|(n, _)| *n);
        state.used.push(true);
        state.shares.push(share);
    }

    /// Notes why an exchange was not added.
    pub(super) fn refuse(&self, n: usize, why: &str) {
        tracing::warn!("request {n} was not recorded: {why}");
        let mut state = self.state();
        state.not_recorded += 1;
        if state.not_recorded <= TOLD {
            state.refused.push(format!("request {n}: {why}"));
        }
    }

    /// About how many bytes it has.
    pub fn size(&self) -> usize {
        let state = self.state();
        let entries = state.entries.iter().flat_map(|(_, entry)| &entry.chunks);
        entries.map(|chunk| chunk.text.len()).sum()
    }

    /// The file's text.
    pub fn file(&self) -> String {
        let (head, entries) = {
            let state = self.state();
            let entries = state.entries.iter().map(|(_, entry)| Arc::clone(entry));
            (state.head.clone(), entries.collect::<Vec<_>>())
        };
        head.text(entries.iter().map(AsRef::as_ref))
    }

    /// What was asked in vain, what was not asked for, what could not be recorded.
    pub fn report(&self) -> String {
        let state = self.state();
        let all = state.entries.iter().zip(&state.used).enumerate();
        let unused = all.filter(|(_, (_, used))| !**used);
        let unused = unused.map(|(entry, ((_, kept), _))| Unused {
            entry,
            key: &kept.key,
            said: &kept.said,
        });
        let report = Report {
            entries: state.entries.len(),
            misses: &state.misses,
            missed: state.missed,
            unused: unused.collect(),
            refused: &state.refused,
            not_recorded: state.not_recorded,
        };
        // Nothing in it can fail to be JSON.
        serde_json::to_string(&report).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Report<'a> {
    entries: usize,
    misses: &'a [Value],
    missed: usize,
    unused: Vec<Unused<'a>>,
    refused: &'a [String],
    not_recorded: usize,
}

#[derive(Serialize)]
struct Unused<'a> {
    entry: usize,
    key: &'a str,
    said: &'a Readable,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;

    #[test]
    fn a_hundred_misses_are_told_and_more_are_counted() {
        let share = Budget::new(0).take(0).unwrap();
        let cassette = CassetteState::recording("test", share);
        for n in 1..=TOLD + 1 {
            cassette.miss("c", "key", 0, None);
            cassette.refuse(n, "no");
            let report: Value = serde_json::from_str(&cassette.report()).unwrap();
            for (told, counted) in [("misses", "missed"), ("refused", "not_recorded")] {
                assert_eq!(report[told].as_array().unwrap().len(), n.min(TOLD));
                assert_eq!(report[counted], n);
            }
        }
    }
}
