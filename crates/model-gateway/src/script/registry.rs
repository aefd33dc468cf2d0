//! All scripts by their keys.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::script_state::Script;

/// All scripts.
#[derive(Debug, Default)]
pub struct Scripts(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    all: BTreeMap<String, Arc<Script>>,
    /// Keys of those whose test is done with them, the oldest first.
    done: VecDeque<String>,
}

impl Known {
    fn remove(&mut self, key: &str) -> bool {
        // A later one of its key is another, which nobody is done with.
        self.done.retain(|known| known != key);
        let script = self.all.remove(key);
        if let Some(script) = &script {
            script.close();
        }
        script.is_some()
    }
}

impl Scripts {
    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing that holds the lock can stop in the middle of a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a script; whether there was none of its key.
    pub fn add(&self, script: Script) -> bool {
        let all = &mut self.known().all;
        let new = !all.contains_key(script.key());
        if new {
            all.insert(script.key().to_owned(), Arc::new(script));
        }
        new
    }

    /// A script by its key.
    pub fn get(&self, key: &str) -> Option<Arc<Script>> {
        self.known().all.get(key).cloned()
    }

    /// Takes a script away; answers that are held end. Whether there was one.
    pub fn remove(&self, key: &str) -> bool {
        self.known().remove(key)
    }

    /// Keeps a script for people only, until its room is needed; answers that are held end. Whether there is one.
    pub fn done(&self, key: &str) -> bool {
        let Known { all, done } = &mut *self.known();
        let Some(script) = all.get(key) else {
            return false;
        };
        script.close();
        if !done.iter().any(|known| known == key) {
            done.push_back(key.to_owned());
        }
        true
    }

    /// Takes the oldest script away that a test is done with. Whether there was one.
    pub fn give_up(&self) -> bool {
        let mut known = self.known();
        let oldest = known.done.pop_front();
        oldest.is_some_and(|key| known.remove(&key))
    }

    /// Ends all answers that are held.
    pub fn close(&self) {
        for script in self.known().all.values() {
            script.close();
        }
    }

    /// All keys.
    pub fn keys(&self) -> Vec<String> {
        self.known().all.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(keys: &[&str]) -> Scripts {
        let scripts = Scripts::default();
        for key in keys {
            assert!(scripts.add(Script::new(key)));
        }
        scripts
    }

    #[test]
    fn of_a_script_that_there_is_not_nothing_is_done() {
        let scripts = Scripts::default();
        assert!(!scripts.done("gone") && !scripts.remove("gone") && !scripts.give_up());
    }

    #[test]
    fn of_what_tests_are_done_with_the_oldest_is_given_up_first() {
        let scripts = with(&["a", "b", "c"]);
        // To be done with one again makes it no newer.
        assert!(scripts.done("c") && scripts.done("a") && scripts.done("c"));
        assert!(scripts.give_up());
        assert_eq!(scripts.keys(), ["a", "b"]);
        assert!(scripts.give_up() && !scripts.give_up());
        assert_eq!(scripts.keys(), ["b"]);
    }

    #[test]
    fn a_script_is_not_given_up_for_an_earlier_one_of_its_key() {
        let scripts = with(&["k"]);
        assert!(scripts.done("k") && scripts.remove("k"));
        assert!(scripts.add(Script::new("k")));
        assert!(!scripts.give_up());
        assert_eq!(scripts.keys(), ["k"]);
    }
}
