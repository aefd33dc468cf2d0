//! All cassettes by their names.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::cassette_state::CassetteState;

/// All cassettes that are held.
#[derive(Debug, Default)]
pub struct Cassettes(Mutex<BTreeMap<String, Arc<CassetteState>>>);

impl Cassettes {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<CassetteState>>> {
        // Nothing that holds the lock can stop in the middle of a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a cassette; whether there was none of that name.
    pub fn add(&self, name: &str, cassette: CassetteState) -> bool {
        let mut all = self.all();
        let new = !all.contains_key(name);
        if new {
            all.insert(name.to_owned(), Arc::new(cassette));
        }
        new
    }

    /// A cassette by its name.
    pub fn get(&self, name: &str) -> Option<Arc<CassetteState>> {
        self.all().get(name).cloned()
    }

    /// A cassette by its name; a new one that records if there is none.
    pub(super) fn recording(&self, name: &str) -> Arc<CassetteState> {
        let mut all = self.all();
        let cassette = all.entry(name.to_owned());
        Arc::clone(cassette.or_insert_with(|| Arc::new(CassetteState::recording("unknown"))))
    }

    /// Takes a cassette away; whether there was one.
    pub fn remove(&self, name: &str) -> bool {
        self.all().remove(name).is_some()
    }
}
