//! The loaded executions of this process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use agent_tools::Env;
use temporalio_sdk::activities::ActivityError;
use tokio::sync::OnceCell;

use super::ExecutionData;
use crate::{backend::Backend, pins::Pins};

/// Executions whose end nobody told us (another runner reported it) are forgotten beyond so many.
const KEPT: usize = 256;

/// The loaded executions of this process.
#[derive(Default)]
pub(crate) struct Cache(Mutex<HashMap<String, Arc<OnceCell<Arc<ExecutionData>>>>>);

impl Cache {
    /// The execution as it is kept, or from the server. `pins` is none for the first look.
    pub(crate) async fn get(
        &self,
        backend: &Backend,
        id: &str,
        pins: Option<&Pins>,
    ) -> Result<Arc<ExecutionData>, ActivityError> {
        let cell = self.enter(id);
        let load = || async { ExecutionData::load(backend, id, pins).await.map(Arc::new) };
        cell.get_or_try_init(load).await.cloned()
    }

    pub(crate) fn enter(&self, id: &str) -> Arc<OnceCell<Arc<ExecutionData>>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT && !kept.contains_key(id) {
            // Whatever goes is loaded again when it is needed.
            kept.retain(|_, cell| Arc::strong_count(cell) > 1);
        }
        kept.entry(id.to_owned()).or_default().clone()
    }

    /// Which executions are kept.
    pub(crate) fn ids(&self) -> Vec<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.keys().cloned().collect()
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<ExecutionData>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(id).and_then(|cell| cell.get().cloned())
    }

    /// A text without the secrets of all executions that are kept; none where they cannot be asked now, or where one is still
    /// being loaded: nobody knows its secrets.
    pub(crate) fn redact(&self, text: &str) -> Option<String> {
        let kept = self.0.try_lock().ok()?;
        let envs = kept.values().map(|cell| Some(&cell.get()?.env));
        let envs = envs.collect::<Option<Vec<_>>>()?;
        Some(Env::redact_all(envs, text))
    }

    pub(crate) fn forget(&self, id: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_those_stay_that_are_in_use() {
        let cache = Cache::default();
        let used = cache.enter("0");
        for n in 1..KEPT {
            cache.enter(&n.to_string());
        }
        // One that is kept already needs no room.
        cache.enter("1");
        assert_eq!(cache.ids().len(), KEPT);
        cache.enter("one more");
        let mut ids = cache.ids();
        ids.sort();
        assert_eq!(ids, ["0", "one more"]);
        assert!(Arc::ptr_eq(&used, &cache.enter("0")));
    }
}
