//! A script: its answers, and what was asked of it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use axum::{body::Bytes, http::HeaderMap};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::{answer::ScriptedAnswer, condition::Question, request_log::LoggedRequest};
use crate::{aside::aside, budget::Share, outcome::Outcome};

/// The most answers of a script: each request is held against all that are left.
pub(super) const MOST_ANSWERS: usize = 10_000;

/// So many conditions take about as long as to read the request that they look at.
const SOME: usize = 16;

/// Requests without room that are told of one by one; more are only counted.
pub(super) const MOST_HOMELESS: usize = 100;

/// One script.
#[derive(Debug)]
pub struct Script {
    key: String,
    began: Instant,
    state: Mutex<State>,
    /// One request after the other: answers go in the order in which requests came.
    turn: tokio::sync::Mutex<()>,
    changed: watch::Sender<()>,
    /// A permit opens a hold.
    holds: Semaphore,
    /// Whether it is deleted, or the gateway ends.
    gone: CancellationToken,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Those that are used are none any more.
    pub(super) answers: Vec<Option<Arc<ScriptedAnswer>>>,
    pub(super) requests: Vec<LoggedRequest>,
    /// How many requests came.
    asked: usize,
    /// How many got no answer.
    pub(super) missing: usize,
    /// How many had no room.
    homeless: usize,
    /// Tool calls that got an id of ours.
    calls: usize,
    shares: Vec<Share>,
}

/// Why a request got no answer.
#[derive(Debug)]
pub struct Missing {
    /// For programs.
    pub kind: &'static str,
    /// For people.
    pub message: String,
}

impl Script {
    /// One without answers.
    pub fn new(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            began: Instant::now(),
            state: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            changed: watch::Sender::new(()),
            holds: Semaphore::new(0),
            gone: CancellationToken::new(),
        }
    }

    /// Its key.
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can stop in the middle of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds answers; tool calls without an id get `call_1`, `call_2` and so on.
    ///
    /// # Errors
    /// When they are too many.
    pub fn append(&self, answers: Vec<ScriptedAnswer>, share: Share) -> Result<(), String> {
        let mut state = self.state();
        let count = state.answers.len() + answers.len();
        if count > MOST_ANSWERS {
            return Err(format!(
                "{count} answers are more than a script may have ({MOST_ANSWERS}): take another script"
            ));
        }
        state.shares.push(share);
        for mut answer in answers {
            for tool in answer.tools.iter_mut().filter(|tool| tool.id.is_none()) {
                state.calls += 1;
                tool.id = Some(format!("call_{}", state.calls));
            }
            state.answers.push(Some(Arc::new(answer)));
        }
        Ok(())
    }

    /// Notes a request; its number, and the first unused answer that fits. Without room to keep it, it has none.
    pub async fn ask(
        &self,
        body: Bytes,
        headers: &HeaderMap,
        room: Result<Share, String>,
    ) -> (usize, Result<Arc<ScriptedAnswer>, Missing>) {
        let _turn = self.turn.lock().await;
        let room = room.and_then(|room| room.and(LoggedRequest::cost(headers)));
        let found = match &room {
            Ok(_) => self.find(&body).await,
            Err(_) => Err(String::new()),
        };
        let mut state = self.state();
        state.asked += 1;
        let n = state.asked;
        let mut seen = LoggedRequest::new(n, self.began, headers);
        let answer = match (room, found) {
            (Err(message), _) => Err(Missing {
                kind: "gateway_full",
                message,
            }),
            (Ok(share), found) => {
                seen.share = Some(share);
                seen.body = Some(body);
                let taken = |index: usize| Some((index, state.answers.get_mut(index)?.take()?));
                match found.map(taken) {
                    Ok(Some((index, answer))) => {
                        seen.answer = Some(index);
                        Ok(answer)
                    }
                    // Nobody else takes answers while it is this request's turn.
                    Ok(None) => Err(self.missing(&state, n, "its answer is gone")),
                    Err(excerpt) => Err(self.missing(&state, n, &excerpt)),
                }
            }
        };
        seen.error = answer.as_ref().err().map(|why| why.message.clone());
        state.missing += usize::from(answer.is_err());
        state.homeless += usize::from(seen.share.is_none());
        if seen.share.is_some() || state.homeless <= MOST_HOMELESS {
            state.requests.push(seen);
        }
        drop(state);
        self.changed.send_replace(());
        (n, answer)
    }

    /// Which answer is for a request; what the request is about where none is.
    async fn find(&self, body: &Bytes) -> Result<usize, String> {
        let left: Vec<_> = {
            let answers = &self.state().answers;
            let left = answers.iter().enumerate();
            left.filter_map(|(index, answer)| Some((index, Arc::clone(answer.as_ref()?))))
                .collect()
        };
        let body = body.clone();
        let conditions = left.iter().filter(|(_, answer)| !answer.when.is_any());
        // Some conditions are as quick as it is to read the request.
        let work = body.len() * (1 + conditions.count() / SOME);
        aside(work, move || {
            let text = std::str::from_utf8(&body).unwrap_or_default();
            let question = Question::read(text);
            let fits = |(_, answer): &&(usize, Arc<ScriptedAnswer>)| answer.when.fits(&question);
            let found = left.iter().find(fits);
            found
                .map(|(index, _)| *index)
                .ok_or_else(|| question.excerpt())
        })
        .await
    }

    fn missing(&self, state: &State, n: usize, excerpt: &str) -> Missing {
        let left = state.answers.iter().flatten().count();
        let why = match (state.answers.len(), left) {
            (0, _) => "it has none".to_owned(),
            (all, 0) => format!("all {all} are used"),
            (_, left) => format!("no condition of the {left} left fits"),
        };
        let message = format!(
            "`script/{}` has no answer for request {n}: {why}; {excerpt}",
            self.key
        );
        Missing {
            kind: "script_missing",
            message,
        }
    }

    /// Notes how the exchange of a request ended.
    pub fn ended(&self, n: usize, outcome: Outcome) {
        let mut state = self.state();
        if let Ok(at) = state.requests.binary_search_by_key(&n, |seen| seen.n) {
            state.requests[at].ended = Some(outcome);
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// Opens the next hold, also before an answer gets there.
    pub fn release(&self) {
        self.holds.add_permits(1);
    }

    /// Waits for a hold to be opened; false when the script is gone.
    pub(super) async fn held(&self) -> bool {
        match self.holds.acquire().await {
            Ok(permit) => {
                permit.forget();
                true
            }
            Err(_) => false,
        }
    }

    /// Ends all answers that are held.
    pub(super) fn close(&self) {
        self.holds.close();
        self.gone.cancel();
    }

    /// Waits until it is deleted, or the gateway ends.
    pub(super) async fn gone(&self) {
        self.gone.cancelled().await;
    }

    /// Waits until so many requests came, and so many clients left before their answers' end.
    pub async fn until(&self, requests: usize, left: usize) {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let there = {
                let state = self.state();
                let gone = |seen: &&LoggedRequest| seen.ended == Some(Outcome::ClientGone);
                state.asked >= requests && state.requests.iter().filter(gone).count() >= left
            };
            if there || changed.changed().await.is_err() {
                return;
            }
        }
    }
}
