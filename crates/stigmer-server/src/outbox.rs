//! Hands executions to Temporal.
//!
//! What Temporal must be told stands in the store, written together with the execution. So
//! Temporal may be down, late or restarted: what was answered to a client is told it in the end.

mod reconcile;
mod status_notes;
mod temporal;

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use temporal_link::TemporalArgs;
use temporalio_client::Client;
use tokio::sync::Notify;

use self::{
    status_notes::{note, taken},
    temporal::{CALL, Temporal},
};
use crate::{
    error::Result,
    store::{Outgoing, Store},
};

/// How many executions are handed over at once.
const PARALLEL: usize = 16;
/// How long to wait before telling again what Temporal did not take: doubles between the two.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The way to Temporal, where there is one.
pub(crate) struct Outbox {
    temporal: Temporal,
    wake: Notify,
}

impl Outbox {
    pub(crate) fn new(temporal: TemporalArgs) -> Self {
        Self::with_limit(temporal, CALL)
    }

    fn with_limit(temporal: TemporalArgs, limit: Duration) -> Self {
        let temporal = Temporal::new(temporal, limit);
        let wake = Notify::new();
        Self { temporal, wake }
    }

    /// Tells the dispatcher that there is something to hand over.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Whether there is a Temporal to tell; it need not answer at the moment.
    pub(crate) fn has_temporal(&self) -> bool {
        self.temporal.args.is_configured()
    }

    /// Why a new execution is PENDING.
    pub(crate) fn waiting(&self) -> String {
        if self.temporal.args.is_configured() {
            format!(
                "waiting to be handed to Temporal at {}",
                self.temporal.args.address()
            )
        } else {
            "no Temporal is configured: start the server with TEMPORAL_ADDRESS to run it".to_owned()
        }
    }

    /// Hands over for ever. Returns at once when no Temporal is configured.
    pub(crate) async fn run(self: Arc<Self>, store: Store) {
        if !self.temporal.args.is_configured() {
            return;
        }
        let mut pause = RETRY.0;
        loop {
            match self.dispatch(&store).await {
                Ok(true) => {
                    pause = RETRY.0;
                    self.wake.notified().await;
                }
                // The outside is not ready: nothing tells us when it is, so we ask again.
                refused => {
                    if let Err(error) = refused {
                        tracing::warn!(%error, "the outbox could not be read");
                    }
                    let _ = tokio::time::timeout(pause, self.wake.notified()).await;
                    pause = (pause * 2).min(RETRY.1);
                }
            }
        }
    }

    /// Hands over what waits now; whether all of it was taken.
    async fn dispatch(&self, store: &Store) -> Result<bool> {
        let waiting = store.read(|view| view.outbox())?;
        if waiting.is_empty() {
            return Ok(true);
        }
        let client = match self.temporal.connected().await {
            Ok(client) => client,
            Err(error) => {
                let why = format!("{error:#}");
                tracing::warn!(why, "executions wait");
                for (id, _) in &waiting {
                    let noted = note(store, id, &format!("waiting: {why}")).await;
                    written(id, noted);
                }
                return Ok(false);
            }
        };
        let all = stream::iter(waiting)
            .map(|(id, what)| self.hand_over(store, &client, id, what))
            .buffer_unordered(PARALLEL)
            .fold(true, async |all, taken| all & taken)
            .await;
        Ok(all)
    }

    /// Tells Temporal what waits of one execution; whether it was taken.
    async fn hand_over(&self, store: &Store, client: &Client, id: String, what: Outgoing) -> bool {
        match store.read(|view| view.is_open(&id)) {
            // It ended, or was deleted, since the outbox was read, or where a server of before left its note.
            Ok(false) if what == Outgoing::Start => {
                return written(&id, taken(store, &id, what, String::new()).await);
            }
            Ok(_) => {}
            Err(error) => return written(&id, Err(error)),
        }
        let told = match what {
            Outgoing::Start => self.temporal.start(client, &id).await,
            Outgoing::Cancel => self.temporal.cancel(client, &id).await,
        };
        if let Err(why) = told {
            tracing::warn!(
                execution = id,
                ?what,
                why,
                "Temporal did not take it, it will be told again"
            );
            let why = format!("waiting: Temporal did not take it: {why}");
            written(&id, note(store, &id, &why).await);
            return false;
        }
        tracing::info!(execution = id, ?what, "told Temporal");
        let queue = &self.temporal.args.task_queue;
        let waiting = format!("waiting for an agent-runner on {queue}");
        written(&id, taken(store, &id, what, waiting).await)
    }
}

/// Whether the store took what it was told of execution `id`. If not, this says so and the others go
/// on: it stays in the outbox.
fn written(id: &str, result: Result<()>) -> bool {
    if let Err(error) = &result {
        tracing::warn!(execution = id, %error, "what Temporal was told could not be noted");
    }
    result.is_ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
