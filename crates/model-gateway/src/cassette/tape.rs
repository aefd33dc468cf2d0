//! A cassette that is held: what is left of it, or what it has so far.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::{
    canon,
    file::{AGAIN, Cassette, Entry, FORMAT},
    nearest::nearest,
};
use crate::budget::Share;

/// A cassette that is held.
#[derive(Debug)]
pub struct Tape {
    /// Whether chunks come when they came, and not at once.
    pub timed: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    head: Cassette,
    /// Entries with the numbers of their requests, which may end in another order.
    entries: Vec<(usize, Entry)>,
    used: Vec<bool>,
    /// Requests so far, while recording.
    asked: usize,
    misses: Vec<Value>,
    refused: Vec<String>,
    shares: Vec<Share>,
}

impl Tape {
    fn new(mut head: Cassette, timed: bool, shares: Vec<Share>) -> Self {
        let entries: Vec<_> = head.entries.drain(..).enumerate().collect();
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

    /// The next answer to a canonical request, each once.
    ///
    /// # Errors
    /// The message of a miss.
    pub(super) fn take(&self, name: &str, request: &Value) -> Result<Entry, String> {
        let key = canon::key(request);
        let mut state = self.state();
        let mut same = 0;
        let mut found = None;
        for (index, (_, entry)) in state.entries.iter().enumerate() {
            if entry.key == key {
                same += 1;
                if !state.used[index] {
                    found = Some((index, entry.clone()));
                    break;
                }
            }
        }
        if let Some((index, entry)) = found {
            state.used[index] = true;
            return Ok(entry);
        }
        // The beginning says all in few words: whoever passes an error on may cut it short.
        let mut message = format!("cassette `{name}` misses {key}; ");
        let recorded = state.entries.iter().map(|(_, entry)| &entry.request);
        let near = match nearest(recorded, request) {
            _ if same > 0 => {
                message += &format!("its {same} for this request are used; {AGAIN}");
                None
            }
            None => {
                message += &format!("it is empty; {AGAIN}");
                None
            }
            Some(near) => {
                let recorded = state.entries[near.index].1.key.clone();
                message += &format!("nearest {recorded}: {}; {AGAIN}\n{}", near.first, near.diff);
                Some(recorded)
            }
        };
        let miss = json!({ "key": key, "nearest": near, "message": message });
        state.misses.push(miss);
        Err(message)
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
        state.entries.push((n, entry));
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
        let entries = state.entries.iter().map(|(_, entry)| entry.clone());
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
