//! Who listens to which execution, and telling them.
//!
//! Subscribing is itself an [`Event`], placed by the store's writer in the order of the commits
//! together with the state at that point: so nothing is missed and nothing is told twice.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use prost::Message;
use stigmer_api::{agentexecution::AgentExecution, resource::Resource, secret::Secrets};
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{self, error::TrySendError},
};
use tonic::Status;

/// How many updates may wait for a slow subscriber before its stream is ended with an error. Leaving
/// some out instead would be a gap that nobody tells it of.
const BACKLOG: usize = 4096;

/// How many bytes the updates that wait may have together. One alone may have more.
const BACKLOG_BYTES: u32 = 16 << 20;

/// A state of an execution without its secrets, shared by all who listen.
type Update = Result<Arc<AgentExecution>, Status>;

/// An update that waits, with its share of [`BACKLOG_BYTES`].
type Waiting = (Update, Option<OwnedSemaphorePermit>);

/// What a subscriber reads.
pub(crate) struct Updates(mpsc::Receiver<Waiting>);

impl Updates {
    /// The next update; nothing after the last one.
    pub(crate) async fn recv(&mut self) -> Option<Update> {
        self.0.recv().await.map(|(update, _)| update)
    }
}

/// The other end of [`Updates`].
pub(crate) struct Subscriber {
    updates: mpsc::Sender<Waiting>,
    bytes: Arc<Semaphore>,
}

/// What the hub is told, in the order of the commits.
pub(crate) enum Event {
    Changed(Arc<AgentExecution>),
    /// Somebody listens from here on; the state at this point was sent already.
    Subscribed(String, Subscriber),
}

#[derive(Default)]
pub(crate) struct Hub {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    subscribers: HashMap<String, Vec<Subscriber>>,
    closed: bool,
}

/// A subscription that starts with `present`: the event that registers it, where there is more
/// to come, and what the subscriber reads.
pub(crate) fn subscription(mut present: AgentExecution) -> (Option<Event>, Updates) {
    let (sender, updates) = mpsc::channel(BACKLOG + 1);
    let subscriber = Subscriber {
        updates: sender,
        bytes: Arc::new(Semaphore::new(BACKLOG_BYTES as usize)),
    };
    present.redact();
    let id = present.id().to_owned();
    let open = !present.phase().is_terminal();
    // The channel is new and has room.
    let bytes = present.encoded_len();
    subscriber.deliver(&Arc::new(present), bytes);
    let event = open.then(|| Event::Subscribed(id, subscriber));
    (event, Updates(updates))
}

impl Hub {
    /// Passes `event` on. Never waits: it is called by the store's writer.
    pub(crate) fn tell(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Subscribed(_, subscriber) if state.closed => subscriber.end(shutting_down()),
            Event::Subscribed(id, subscriber) => {
                state.forget_who_left();
                state.subscribers.entry(id).or_default().push(subscriber);
            }
            Event::Changed(execution) => {
                let id = execution.id();
                if let Some(subscribers) = state.subscribers.get_mut(id) {
                    // Once for all of them.
                    let bytes = execution.encoded_len();
                    subscribers.retain(|s| s.deliver(&execution, bytes));
                    if subscribers.is_empty() || execution.phase().is_terminal() {
                        state.subscribers.remove(id);
                    }
                }
            }
        }
    }

    /// Ends every stream, those to come too, so that a shutdown does not wait for them.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed = true;
        for (_, subscribers) in state.subscribers.drain() {
            subscribers.iter().for_each(|s| s.end(shutting_down()));
        }
    }
}

impl State {
    /// Nothing else would tell of who listens to an execution that does not change.
    fn forget_who_left(&mut self) {
        self.subscribers.retain(|_, subscribers| {
            subscribers.retain(|s| !s.updates.is_closed());
            !subscribers.is_empty()
        });
    }
}

impl Subscriber {
    /// Whether the subscriber stays. The last place of its channel is kept for the error.
    fn deliver(&self, execution: &Arc<AgentExecution>, bytes: usize) -> bool {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let share = Arc::clone(&self.bytes).try_acquire_many_owned(bytes.min(BACKLOG_BYTES));
        if let Ok(share) = share
            && self.updates.capacity() > 1
        {
            let waiting = (Ok(Arc::clone(execution)), Some(share));
            return self.updates.try_send(waiting).is_ok();
        }
        let behind = BACKLOG + 1 - self.updates.capacity();
        self.end(Status::aborted(format!(
            "the subscriber fell {behind} updates behind; subscribe again for the present state"
        )));
        false
    }

    fn end(&self, why: Status) {
        if let Err(TrySendError::Full(_)) = self.updates.try_send((Err(why), None)) {
            tracing::warn!("a subscriber's stream ends without its reason: no place was left");
        }
    }
}

fn shutting_down() -> Status {
    Status::unavailable("the server is shutting down; subscribe again when it is back")
}

#[cfg(test)]
mod tests;
