//! All scripts by their keys.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::script_state::Script;

/// All scripts.
#[derive(Debug, Default)]
pub struct Scripts {
    all: Mutex<BTreeMap<String, Arc<Script>>>,
    /// Keys of those whose test is done with them, the oldest first.
    done: Mutex<VecDeque<String>>,
}

impl Scripts {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Script>>> {
        // Nothing that holds the lock can stop in the middle of a change.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Keeps a script for people only, until its room is needed; answers that are held end. Whether there is one.
    pub fn done(&self, key: &str) -> bool {
        let Some(script) = self.get(key) else {
            return false;
        };
        script.close();
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if !done.iter().any(|known| known == key) {
            done.push_back(key.to_owned());
        }
        true
    }

    /// Takes the oldest script away that a test is done with. Whether there was one.
    pub fn give_up(&self) -> bool {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = done.pop_front();
        drop(done);
        oldest.is_some_and(|key| {
            self.remove(&key);
            true
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_script_that_there_is_not_nothing_is_done() {
        let scripts = Scripts::default();
        assert!(!scripts.done("gone") && !scripts.remove("gone") && !scripts.give_up());
    }
}
