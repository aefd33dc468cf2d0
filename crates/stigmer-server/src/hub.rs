//! Who listens to which execution, and telling them.
//!
//! Subscribing is itself an [`Event`], placed by the store's writer in the order of the commits
//! together with the state at that point: so nothing is missed and nothing is told twice.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use stigmer_api::{Kind, agentexecution::AgentExecution, resource::Resource, secret::Secrets};
use tokio::sync::mpsc::{self, error::TrySendError};
use tonic::Status;

use crate::error::Error;

/// How many updates may wait for a slow subscriber before its stream is ended with an error.
const BACKLOG: usize = 4096;

/// A state of an execution without its secrets, shared by all who listen.
type Update = Result<Arc<AgentExecution>, Status>;
pub(crate) type Updates = mpsc::Receiver<Update>;
type Subscriber = mpsc::Sender<Update>;

/// What the hub is told, in the order of the commits.
pub(crate) enum Event {
    Changed(Arc<AgentExecution>),
    Deleted(String),
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
    present.redact();
    let id = present.id().to_owned();
    let open = !is_terminal(&present);
    // The channel is new and has room.
    let _ = sender.try_send(Ok(Arc::new(present)));
    let event = open.then(|| Event::Subscribed(id, sender));
    (event, updates)
}

impl Hub {
    /// Passes `event` on. Never waits: it is called by the store's writer.
    pub(crate) fn tell(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Subscribed(_, subscriber) if state.closed => end(&subscriber, shutting_down()),
            Event::Subscribed(id, subscriber) => {
                state.subscribers.entry(id).or_default().push(subscriber);
            }
            Event::Changed(execution) => {
                let id = execution.id();
                if let Some(subscribers) = state.subscribers.get_mut(id) {
                    subscribers.retain(|s| deliver(s, &execution));
                    if subscribers.is_empty() || is_terminal(&execution) {
                        state.subscribers.remove(id);
                    }
                }
            }
            Event::Deleted(id) => {
                let why: Status = Error::not_found(Kind::AgentExecution, &*id).into();
                for subscriber in state.subscribers.remove(&id).unwrap_or_default() {
                    end(&subscriber, why.clone());
                }
            }
        }
    }

    /// Ends every stream, those to come too, so that a shutdown does not wait for them.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed = true;
        for (_, subscribers) in state.subscribers.drain() {
            subscribers.iter().for_each(|s| end(s, shutting_down()));
        }
    }
}

/// Whether the subscriber stays. The last place of its channel is kept for the error.
fn deliver(subscriber: &Subscriber, execution: &Arc<AgentExecution>) -> bool {
    if subscriber.capacity() > 1 {
        return subscriber.try_send(Ok(Arc::clone(execution))).is_ok();
    }
    end(
        subscriber,
        Status::aborted(format!(
            "the subscriber fell {BACKLOG} updates behind; subscribe again for the present state"
        )),
    );
    false
}

fn end(subscriber: &Subscriber, why: Status) {
    if let Err(TrySendError::Full(_)) = subscriber.try_send(Err(why)) {
        tracing::warn!("a subscriber's stream ends without its reason: no place was left");
    }
}

fn shutting_down() -> Status {
    Status::unavailable("the server is shutting down; subscribe again when it is back")
}

fn is_terminal(execution: &AgentExecution) -> bool {
    execution
        .status
        .as_ref()
        .is_some_and(|status| status.phase().is_terminal())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execution(error: &str) -> AgentExecution {
        let mut execution = AgentExecution::default();
        execution.metadata_mut().id = "aex-1".to_owned();
        execution.status.get_or_insert_default().error = error.to_owned();
        execution
    }

    #[test]
    fn a_subscriber_that_falls_behind_is_told_so() {
        let hub = Hub::default();
        let (event, mut updates) = subscription(execution("present"));
        hub.tell(event.unwrap_or(Event::Deleted(String::new())));
        for i in 0..BACKLOG + 10 {
            hub.tell(Event::Changed(Arc::new(execution(&i.to_string()))));
        }
        let mut got = Vec::new();
        while let Ok(update) = updates.try_recv() {
            got.push(update);
        }
        assert_eq!(got.len(), BACKLOG + 1);
        let last = got.pop();
        assert!(
            matches!(&last, Some(Err(s)) if s.code() == tonic::Code::Aborted),
            "{last:?}"
        );
        assert!(got.iter().all(Result::is_ok));
    }
}
