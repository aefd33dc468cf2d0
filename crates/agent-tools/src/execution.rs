//! What this runner keeps for one execution: connections and files, agent by agent.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::future::join_all;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    catalog::Catalog, connection::Connection, error::ToolsError, skills, toolset::Toolset,
};

/// A connection, or the place for one. Whoever connects holds the lock, so that nobody connects beside.
pub(crate) type Slot = tokio::sync::Mutex<Option<Arc<Connection>>>;

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What the locks of this crate guard is changed in single steps.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An execution.
pub(crate) struct Execution {
    folder: PathBuf,
    /// Ends what is being connected.
    pub(crate) closed: CancellationToken,
    /// The ends of its servers, those that are under way among them.
    pub(crate) ends: TaskTracker,
    scopes: Mutex<HashMap<String, Arc<Scope>>>,
    used: Mutex<Used>,
}

struct Used {
    last: Instant,
    now: usize,
}

/// An agent of the execution.
pub(crate) struct Scope {
    pub(crate) folder: PathBuf,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    unpacked: tokio::sync::Mutex<HashMap<String, String>>,
    catalog: Mutex<Option<Arc<Catalog>>>,
}

/// A use of an execution; while there is one, the execution is not idle.
pub(crate) struct Use(Arc<Execution>);

impl Use {
    pub(crate) fn of(execution: Arc<Execution>) -> Self {
        locked(&execution.used).now += 1;
        Self(execution)
    }

    pub(crate) fn execution(&self) -> &Execution {
        &self.0
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        let mut used = locked(&self.0.used);
        used.now -= 1;
        used.last = Instant::now();
    }
}

impl Execution {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            closed: CancellationToken::new(),
            ends: TaskTracker::new(),
            scopes: Mutex::default(),
            used: Mutex::new(Used {
                last: Instant::now(),
                now: 0,
            }),
        }
    }

    pub(crate) fn idle_for(&self, limit: Duration) -> bool {
        let used = locked(&self.used);
        used.now == 0 && used.last.elapsed() >= limit
    }

    /// The agent's own place, with its skills in it.
    pub(crate) async fn scope(&self, toolset: &Toolset) -> Result<Arc<Scope>, ToolsError> {
        let scope = {
            let mut scopes = locked(&self.scopes);
            // By number: a sub-agent's name is not made for file systems.
            let folder = self.folder.join(scopes.len().to_string());
            let new = || Arc::new(Scope::new(folder));
            scopes
                .entry(toolset.scope.clone())
                .or_insert_with(new)
                .clone()
        };
        scope.unpack(toolset).await?;
        if self.closed.is_cancelled() {
            remove(&self.folder).await; // its end may have come before these files
            return Err(ToolsError::transient("the execution's tools were closed"));
        }
        Ok(scope)
    }

    /// Ends all connections, then removes the files.
    pub(crate) async fn close(&self) {
        self.closed.cancel();
        let scopes: Vec<Arc<Scope>> = locked(&self.scopes).drain().map(|(_, s)| s).collect();
        let slots = scopes.iter().flat_map(|scope| {
            let slots: Vec<Arc<Slot>> = locked(&scope.slots).values().cloned().collect();
            slots
        });
        join_all(slots.map(|slot| async move {
            // Given free by whoever connects: they hear that the execution is closed.
            if let Some(connection) = slot.lock().await.take() {
                connection.end().await;
            }
        }))
        .await;
        // Servers that were starting, or that were let go of before, have no connection any more and may still end.
        self.ends.close();
        self.ends.wait().await;
        remove(&self.folder).await;
    }
}

async fn remove(folder: &Path) {
    match tokio::fs::remove_dir_all(folder).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!("{} stays: {error}", folder.display());
        }
        _ => {}
    }
}

impl Scope {
    fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            slots: Mutex::default(),
            unpacked: tokio::sync::Mutex::default(),
            catalog: Mutex::default(),
        }
    }

    async fn unpack(&self, toolset: &Toolset) -> Result<(), ToolsError> {
        let mut done = self.unpacked.lock().await;
        let known =
            |skill: &crate::toolset::SkillFiles| done.get(&skill.name) == Some(&skill.version_hash);
        if toolset.skills.iter().all(known) && self.folder.is_dir() {
            return Ok(());
        }
        let (folder, skills) = (self.folder.clone(), toolset.skills.clone());
        let mut so_far = done.clone();
        let unpacking = tokio::task::spawn_blocking(move || {
            let made = std::fs::create_dir_all(&folder);
            let made = made.map_err(|error| {
                ToolsError::transient(format!("{} cannot be made: {error}", folder.display()))
            });
            let unpacked = made.and_then(|()| skills::unpack(&folder, &skills, &mut so_far));
            (so_far, unpacked)
        });
        let (now, unpacked) = unpacking
            .await
            .map_err(|error| ToolsError::transient(format!("skills were not unpacked: {error}")))?;
        *done = now;
        unpacked
    }

    pub(crate) fn slot(&self, server: &str) -> Arc<Slot> {
        locked(&self.slots)
            .entry(server.to_owned())
            .or_default()
            .clone()
    }

    pub(crate) fn catalog(&self) -> Option<Arc<Catalog>> {
        locked(&self.catalog).clone()
    }

    pub(crate) fn keep(&self, catalog: Arc<Catalog>) {
        *locked(&self.catalog) = Some(catalog);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_is_idle_from_the_end_of_its_last_use_on() {
        let hour = Duration::from_secs(3600);
        let execution = Arc::new(Execution::new(PathBuf::new()));
        locked(&execution.used).last = Instant::now().checked_sub(hour).unwrap();
        assert!(execution.idle_for(hour));
        let in_use = Use::of(execution.clone());
        assert!(!execution.idle_for(hour), "while it is used");
        drop(in_use);
        assert!(!execution.idle_for(hour), "right after its use");
    }
}
