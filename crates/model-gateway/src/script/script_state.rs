//! A script: its answers, and what was asked of it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use axum::http::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::{answer::ScriptedAnswer, condition, request_log::LoggedRequest};
use crate::{budget::Share, outcome::Outcome};

/// One script.
#[derive(Debug)]
pub struct Script {
    key: String,
    began: Instant,
    state: Mutex<State>,
    changed: watch::Sender<()>,
    /// A permit opens a hold.
    holds: Semaphore,
    /// Whether it is deleted, or the gateway ends.
    gone: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    answers: Vec<Held>,
    requests: Vec<LoggedRequest>,
    /// Tool calls that got an id of ours.
    calls: usize,
    shares: Vec<Share>,
}

#[derive(Debug)]
struct Held {
    answer: Arc<ScriptedAnswer>,
    used: bool,
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
    pub(super) fn new(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            began: Instant::now(),
            state: Mutex::default(),
            changed: watch::Sender::new(()),
            holds: Semaphore::new(0),
            gone: CancellationToken::new(),
        }
    }

    /// Its key.
    pub fn key(&self) -> &str {
        &self.key
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can stop in the middle of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds answers; tool calls without an id get `call_1`, `call_2` and so on.
    pub fn append(&self, answers: Vec<ScriptedAnswer>, share: Share) {
        let mut state = self.state();
        state.shares.push(share);
        for mut answer in answers {
            for tool in answer.tools.iter_mut().filter(|tool| tool.id.is_none()) {
                state.calls += 1;
                tool.id = Some(format!("call_{}", state.calls));
            }
            state.answers.push(Held {
                answer: Arc::new(answer),
                used: false,
            });
        }
    }

    /// Notes a request; its number, and the first unused answer that fits. Without room to keep it, it has none.
    pub fn ask(
        &self,
        text: &str,
        headers: &HeaderMap,
        room: Result<Share, String>,
    ) -> (usize, Result<Arc<ScriptedAnswer>, Missing>) {
        let mut state = self.state();
        let n = state.requests.len() + 1;
        let mut seen = LoggedRequest::new(n, self.began, headers);
        let answer = match room {
            Err(message) => Err(Missing {
                kind: "gateway_full",
                message,
            }),
            Ok(share) => {
                state.shares.push(share);
                let body: Value = serde_json::from_str(text).unwrap_or_default();
                seen.body = serde_json::from_str(text).ok();
                let fits = |held: &Held| !held.used && held.answer.when.fits(&body);
                match state.answers.iter().position(fits) {
                    Some(index) => {
                        seen.answer = Some(index);
                        state.answers[index].used = true;
                        Ok(Arc::clone(&state.answers[index].answer))
                    }
                    None => Err(Missing {
                        kind: "script_missing",
                        message: self.missing(&state, n, &body),
                    }),
                }
            }
        };
        seen.error = answer.as_ref().err().map(|why| why.message.clone());
        state.requests.push(seen);
        drop(state);
        self.changed.send_replace(());
        (n, answer)
    }

    fn missing(&self, state: &State, n: usize, body: &Value) -> String {
        let left = state.answers.iter().filter(|held| !held.used).count();
        let why = match (state.answers.len(), left) {
            (0, _) => "it has none".to_owned(),
            (all, 0) => format!("all {all} are used"),
            (_, left) => format!("no condition of the {left} left fits"),
        };
        let asked = condition::excerpt(body);
        format!(
            "`script/{}` has no answer for request {n}: {why}; {asked}",
            self.key
        )
    }

    /// Notes how the exchange of a request ended.
    pub fn ended(&self, n: usize, outcome: Outcome) {
        if let Some(seen) = self.state().requests.get_mut(n - 1) {
            seen.ended = Some(outcome);
        }
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

    /// What was asked, and what is left.
    pub fn report(&self) -> Value {
        let state = self.state();
        let unused = state
            .answers
            .iter()
            .enumerate()
            .filter(|(_, held)| !held.used);
        let unused: Vec<Value> = unused
            .map(|(index, held)| json!({ "index": index, "answer": &*held.answer }))
            .collect();
        let missing = state.requests.iter().filter(|seen| seen.answer.is_none());
        json!({
            "key": self.key,
            "missing": missing.count(),
            "requests": state.requests,
            "unused": unused,
        })
    }

    /// Waits until so many requests came, and so many clients left before their answers' end.
    pub async fn until(&self, requests: usize, left: usize) {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let there = {
                let seen = &self.state().requests;
                let gone = |seen: &&LoggedRequest| seen.ended == Some(Outcome::ClientGone);
                seen.len() >= requests && seen.iter().filter(gone).count() >= left
            };
            if there || changed.changed().await.is_err() {
                return;
            }
        }
    }
}
