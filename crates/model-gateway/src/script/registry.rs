//! All scripts by their keys.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::script_state::Script;

/// All scripts.
#[derive(Debug, Default)]
pub struct Scripts(Mutex<BTreeMap<String, Arc<Script>>>);

impl Scripts {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Script>>> {
        // Nothing that holds the lock can stop in the middle of a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a script; whether there was none of its key.
    pub fn add(&self, script: Script) -> bool {
        let mut all = self.all();
        let new = !all.contains_key(script.key());
        if new {
            all.insert(script.key().to_owned(), Arc::new(script));
        }
        new
    }

    /// A script by its key.
    pub fn get(&self, key: &str) -> Option<Arc<Script>> {
        self.all().get(key).cloned()
    }

    /// Takes a script away; answers that are held end. Whether there was one.
    pub fn remove(&self, key: &str) -> bool {
        let script = self.all().remove(key);
        if let Some(script) = &script {
            script.close();
        }
        script.is_some()
    }

    /// Ends all answers that are held.
    pub fn close(&self) {
        for script in self.all().values() {
            script.close();
        }
    }

    /// All keys.
    pub fn keys(&self) -> Vec<String> {
        self.all().keys().cloned().collect()
    }
}
