//! Streams of events that are asked for again when they end: after a pause, and the one in which a server says what nobody
//! asked for only as long as something may come of it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};

use crate::{
    events::Event,
    http_answers::{EventStream, is_answer},
    refusal::HttpError,
};

/// Milliseconds before a stream that brought no answer is asked for again, whatever its server says of it.
const PAUSE: u64 = 1000;

/// A server's own stream is given up when it has ended so often, one time behind the other, without a word.
const MOST_SILENT: u32 = 10;

/// Who goes between us and a server ends a stream that is idle for so long: it says nothing of the server.
const IDLE: Duration = Duration::from_secs(10);

/// What came of a server's own stream so far; its clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Openings(Arc<Mutex<Own>>);

#[derive(Default)]
struct Own {
    session: Option<Arc<str>>,
    /// Its last event, behind which it is taken up. Streams of answers have other events.
    last: Option<String>,
    silent: u32,
}

/// One opening of a stream.
pub(crate) struct Opening {
    /// Where the stream is the server's own.
    own: Option<Openings>,
    began: Instant,
    last: Option<String>,
    retry: Option<u64>,
    spoke: bool,
    answered: bool,
}

impl Openings {
    /// Opens the stream of a session, behind this event; none where it was opened often enough.
    pub(crate) fn begin(&self, session: Option<&Arc<str>>, last: Option<&str>) -> Option<Opening> {
        let mut own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if own.session.as_ref() != session {
            *own = Own {
                session: session.cloned(),
                ..Own::default()
            };
        }
        let is_own = own.last.as_deref() == last;
        let given_up = is_own && own.silent >= MOST_SILENT;
        (!given_up).then(|| Opening {
            own: is_own.then(|| self.clone()),
            began: Instant::now(),
            last: last.map(str::to_owned),
            retry: None,
            spoke: false,
            answered: false,
        })
    }
}

impl Opening {
    /// The events of the stream. When it is to be asked for again is told at its end: only then it is known.
    pub(crate) fn watched(self, events: EventStream) -> EventStream {
        let begun = Some((self, events));
        stream::unfold(begun, |state| async move {
            let (mut opening, mut events) = state?;
            match events.next().await {
                Some(Ok(mut event)) => {
                    opening.hears(&mut event);
                    Some((Ok::<_, HttpError>(event), Some((opening, events))))
                }
                ended => {
                    if let Some(Err(error)) = ended {
                        tracing::debug!("a stream of an MCP server broke off: {error}");
                    }
                    let last = Event {
                        retry: opening.ends(),
                        ..Event::default()
                    };
                    Some((Ok(last), None))
                }
            }
        })
        .boxed()
    }

    fn hears(&mut self, event: &mut Event) {
        self.spoke |= !event.messages.is_empty();
        self.answered |= event.messages.iter().any(is_answer);
        self.retry = event.retry.take().or(self.retry);
        if event.id.is_some() {
            self.last.clone_from(&event.id);
        }
    }

    /// Milliseconds until it may be asked for again, where the server says so; otherwise it is the library's second.
    fn ends(&self) -> Option<u64> {
        if let Some(openings) = &self.own {
            let mut own = openings.0.lock().unwrap_or_else(PoisonError::into_inner);
            let silent = !self.spoke && self.began.elapsed() < IDLE;
            own.silent = if silent { own.silent + 1 } else { 0 };
            own.last.clone_from(&self.last);
        }
        let least = if self.answered { 0 } else { PAUSE };
        self.retry.map(|retry| retry.max(least))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::{Place, messages};

    /// What is told of a stream with these events, which ends or breaks off.
    async fn told(opening: Opening, events: Vec<Event>, breaks: bool) -> Vec<Event> {
        let (status, words) = (reqwest::StatusCode::OK, String::new());
        let end = breaks.then(|| Err(HttpError::Unanswered { status, words }));
        let events = events.into_iter().map(Ok).chain(end);
        let told: Vec<_> = opening
            .watched(stream::iter(events).boxed())
            .collect()
            .await;
        told.into_iter().map(Result::unwrap).collect()
    }

    fn saying(message: serde_json::Value) -> Event {
        Event {
            messages: messages(message.to_string().as_bytes(), Place::Http, true),
            ..Event::default()
        }
    }

    fn word() -> Event {
        saying(json!({"method": "notifications/x"}))
    }

    #[tokio::test]
    async fn a_stream_without_a_word_is_opened_so_often_and_no_more() {
        let openings = Openings::default();
        let session: Option<Arc<str>> = Some("one".into());
        let mut last: Option<String> = None;
        for nth in 0..MOST_SILENT {
            let opening = openings.begin(session.as_ref(), last.as_deref());
            // Where it is taken up says nothing.
            last = Some(nth.to_string());
            let event = Event {
                id: last.clone(),
                ..Event::default()
            };
            told(opening.unwrap(), vec![event], nth % 2 == 0).await;
        }
        assert!(openings.begin(session.as_ref(), last.as_deref()).is_none());
        // An answer has a stream of its own, and a session.
        let answer = openings.begin(session.as_ref(), Some("answer"));
        told(answer.unwrap(), Vec::new(), false).await;
        assert!(openings.begin(session.as_ref(), last.as_deref()).is_none());
        let another: Option<Arc<str>> = Some("another".into());
        assert!(openings.begin(another.as_ref(), None).is_some());
    }

    #[tokio::test]
    async fn a_word_or_a_long_time_begins_the_count_anew() {
        for speaks in [true, false] {
            let openings = Openings::default();
            for nth in 1..=3 * MOST_SILENT {
                let mut opening = openings.begin(None, None).unwrap();
                let counts = nth % MOST_SILENT != 0;
                let events = match speaks && !counts {
                    true => vec![word()],
                    false => Vec::new(),
                };
                if !speaks && !counts {
                    opening.began = opening.began.checked_sub(IDLE).unwrap();
                }
                told(opening, events, false).await;
            }
        }
    }

    #[tokio::test]
    async fn a_stream_without_an_answer_is_followed_by_a_pause() {
        let retry = |retry| Event {
            retry: Some(retry),
            ..Event::default()
        };
        let answer = || saying(json!({"id": 1, "result": 1}));
        for (events, pause) in [
            (vec![word()], None),
            (vec![retry(0)], Some(PAUSE)),
            (vec![retry(PAUSE - 1)], Some(PAUSE)),
            (vec![retry(PAUSE + 1)], Some(PAUSE + 1)),
            (vec![retry(1), word()], Some(PAUSE)),
            (vec![retry(1), answer()], Some(1)),
            (vec![answer(), retry(1)], Some(1)),
        ] {
            for breaks in [false, true] {
                let opening = Openings::default().begin(None, None).unwrap();
                let events = events.iter().map(|event| Event {
                    messages: event.messages.clone(),
                    retry: event.retry,
                    ..Event::default()
                });
                let mut told = told(opening, events.collect(), breaks).await;
                assert_eq!(told.pop().unwrap().retry, pause);
                assert!(told.iter().all(|event| event.retry.is_none()));
            }
        }
    }
}
