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

use crate::{
    Kit, ToolsError,
    keepers::Keepers,
    run::{Run, Use, locked},
    work::WorkDir,
};

/// All executions, by their ids.
pub(super) struct Runs {
    work: WorkDir,
    idle: Duration,
    runs: Mutex<HashMap<String, Arc<Run>>>,
    folders: AtomicU64,
    sweeping: AtomicBool,
    stopped: AtomicBool,
    closing: Keepers,
}

impl Runs {
    /// None yet; unused for `idle`, one is closed.
    pub(super) fn new(work: WorkDir, idle: Duration) -> Self {
        Self {
            work,
            idle,
            runs: Mutex::default(),
            folders: AtomicU64::default(),
            sweeping: AtomicBool::default(),
            stopped: AtomicBool::default(),
            closing: Keepers::default(),
        }
    }

    /// A use of the kit's execution.
    pub(super) fn using(self: &Arc<Self>, kit: &Kit) -> Result<Use, ToolsError> {
        let id = kit.execution();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if id.is_empty() || id.len() > 100 || !id.chars().all(plain) {
            return Err(ToolsError::permanent(format!(
                "{id:?} is no execution's id"
            )));
        }
        if !self.sweeping.swap(true, Ordering::SeqCst) {
            tokio::spawn(sweep(Arc::downgrade(self), self.idle));
        }
        let mut runs = locked(&self.runs);
        // Under the lock: whoever stops everything sees either the run or the refusal.
        if self.stopped.load(Ordering::SeqCst) {
            return Err(ToolsError::transient("this runner is stopping"));
        }
        let run = runs.entry(id.to_owned()).or_insert_with(|| {
            // By number as well: the last one of this name may still be on its way out.
            let number = self.folders.fetch_add(1, Ordering::SeqCst);
            Arc::new(Run::new(self.work.path().join(format!("{id}.{number}"))))
        });
        Ok(Use::of(run.clone()))
    }

    /// Ends an execution's servers and removes its files; goes on if the future is dropped.
    pub(super) async fn close(&self, id: &str) {
        let closing = {
            let mut runs = locked(&self.runs);
            let run = runs.remove(id);
            // Under the lock: whoever stops everything sees either the run or that it is being closed.
            run.map(|run| (run, self.closing.one()))
        };
        if let Some((run, closing)) = closing {
            let closed = tokio::spawn(async move {
                run.close().await;
                drop(closing);
            });
            let _ = closed.await; // it panics or ends
        }
    }

    /// Ends all servers; afterwards none is left, and none is started.
    pub(super) async fn close_all(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let ids: Vec<String> = locked(&self.runs).keys().cloned().collect();
        join_all(ids.iter().map(|id| self.close(id))).await;
        self.closing.done().await;
    }
}

/// Ends what nobody has used for long.
async fn sweep(runs: Weak<Runs>, idle: Duration) {
    let mut turns = tokio::time::interval((idle / 4).max(Duration::from_millis(1)));
    loop {
        turns.tick().await;
        let Some(all) = runs.upgrade() else { return };
        let idle: Vec<_> = {
            let mut runs = locked(&all.runs);
            let idle = runs.extract_if(|_, run| run.idle_for(idle));
            idle.map(|(id, run)| {
                tracing::info!(
                    execution = id,
                    "an execution's tools were idle; they are closed"
                );
                (run, all.closing.one())
            })
            .collect()
        };
        drop(all); // or it would outlive its last owner
        join_all(idle.into_iter().map(|(run, closing)| async move {
            run.close().await;
            drop(closing);
        }))
        .await;
    }
}
