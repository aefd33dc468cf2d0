//! A cassette that is held: what is left of it, or what it has so far.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::{
    file::{AGAIN, Cassette, Entry, FORMAT},
    nearest::Nearest,
};
use crate::budget::Share;

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
    refused: Vec<String>,
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
            refused: Vec::new(),
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
    pub fn recording(upstream: &str) -> Self {
        let head = Cassette {
            format: FORMAT,
            model: String::new(),
            recorded: chrono::Utc::now().date_naive().to_string(),
            upstream: upstream.to_owned(),
            entries: Vec::new(),
        };
        Self::new(head, false, Vec::new())
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
        self.state().misses.push(miss);
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
        self.state().refused.push(format!("request {n}: {why}"));
    }

    /// The file's text.
    pub fn file(&self) -> String {
        let state = self.state();
        let entries = state.entries.iter().map(|(_, entry)| Entry::clone(entry));
        let cassette = Cassette {
            entries: entries.collect(),
            ..state.head.clone()
        };
        cassette.text()
    }

    /// What was asked in vain, what was not asked for, what could not be recorded.
    pub fn report(&self) -> Value {
        let state = self.state();
        let all = state.entries.iter().zip(&state.used).enumerate();
        let unused = all.filter(|(_, (_, used))| !**used).map(|(index, ((_, entry), _))| {
            json!({ "entry": index, "key": entry.key, "said": entry.said })
        });
        let unused: Vec<Value> = unused.collect();
        json!({
            "entries": state.entries.len(),
            "misses": state.misses,
            "unused": unused,
            "refused": state.refused,
        })
    }
}
