//! The executions that this runner has files and servers of.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use tokio_util::task::TaskTracker;

use crate::{
    error::ToolsError,
    execution::{Execution, Use, locked},
    toolset::Toolset,
    work_dir::WorkDir,
};

/// All executions, by their ids.
pub(super) struct Executions {
    work: WorkDir,
    idle: Duration,
    executions: Mutex<HashMap<String, Arc<Execution>>>,
    folders: AtomicU64,
    sweeping: AtomicBool,
    stopped: AtomicBool,
    closing: TaskTracker,
}

impl Executions {
    /// None yet; unused for `idle`, one is closed.
    pub(super) fn new(work: WorkDir, idle: Duration) -> Self {
        Self {
            work,
            idle,
            executions: Mutex::default(),
            folders: AtomicU64::default(),
            sweeping: AtomicBool::default(),
            stopped: AtomicBool::default(),
            closing: TaskTracker::new(),
        }
    }

    /// A use of the toolset's execution.
    pub(super) fn using(self: &Arc<Self>, toolset: &Toolset) -> Result<Use, ToolsError> {
        let id = toolset.execution();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if id.is_empty() || id.len() > 100 || !id.chars().all(plain) {
            return Err(ToolsError::permanent(format!(
                "{id:?} is no execution's id"
            )));
        }
        if !self.sweeping.swap(true, Ordering::SeqCst) {
            tokio::spawn(sweep(Arc::downgrade(self), self.idle));
        }
        let mut executions = locked(&self.executions);
        // Under the lock: whoever stops everything sees either the execution or the refusal.
        if self.stopped.load(Ordering::SeqCst) {
            return Err(ToolsError::transient("this runner is stopping"));
        }
        let execution = executions.entry(id.to_owned()).or_insert_with(|| {
            // By number as well: the last one of this name may still be on its way out.
            let number = self.folders.fetch_add(1, Ordering::SeqCst);
            Arc::new(Execution::new(
                self.work.path().join(format!("{id}.{number}")),
            ))
        });
        Ok(Use::of(execution.clone()))
    }

    /// Ends an execution's servers and removes its files; goes on if the future is dropped.
    pub(super) async fn close(&self, id: &str) {
        let closing = {
            let mut executions = locked(&self.executions);
            let execution = executions.remove(id);
            // Under the lock: whoever stops everything sees either the execution or that it is being closed.
            execution.map(|execution| self.closing.spawn(async move { execution.close().await }))
        };
        if let Some(closing) = closing {
            let _ = closing.await; // it panics or ends
        }
    }

    /// Ends all servers; afterwards none is left, and none is started.
    pub(super) async fn close_all(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let ids: Vec<String> = locked(&self.executions).keys().cloned().collect();
        join_all(ids.iter().map(|id| self.close(id))).await;
        self.closing.close();
        self.closing.wait().await;
    }
}

/// Ends what nobody has used for long.
async fn sweep(executions: Weak<Executions>, idle: Duration) {
    let mut turns = tokio::time::interval((idle / 4).max(Duration::from_millis(1)));
    loop {
        turns.tick().await;
        let Some(all) = executions.upgrade() else {
            return;
        };
        let closing: Vec<_> = {
            let mut executions = locked(&all.executions);
            let idle = executions.extract_if(|_, execution| execution.idle_for(idle));
            idle.map(|(id, execution)| {
                tracing::info!(
                    execution = id,
                    "an execution's tools were idle; they are closed"
                );
                all.closing
                    .track_future(async move { execution.close().await })
            })
            .collect()
        };
        drop(all); // or it would outlive its last owner
        join_all(closing).await;
    }
}
