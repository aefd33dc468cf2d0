//! All cassettes by their names.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::cassette_state::CassetteState;
use crate::budget::Budget;

/// What a cassette takes that has nothing in it.
const ONE: usize = 1024;

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
    ///
    /// # Errors
    /// When there is no room for one.
    pub(super) fn recording(
        &self,
        name: &str,
        budget: &Budget,
    ) -> Result<Arc<CassetteState>, String> {
        let mut all = self.all();
        if let Some(known) = all.get(name) {
            return Ok(Arc::clone(known));
        }
        let share = budget.take(ONE + name.len())?;
        let cassette = Arc::new(CassetteState::recording("unknown", share));
        all.insert(name.to_owned(), Arc::clone(&cassette));
        Ok(cassette)
    }

    /// Takes a cassette away; whether there was one.
    pub fn remove(&self, name: &str) -> bool {
        self.all().remove(name).is_some()
    }
}
