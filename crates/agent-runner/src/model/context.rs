//! How many tokens a model takes, question and answer together: told, or asked where it can be asked.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use futures::StreamExt;
use serde_json::Value;
use tokio::time::Instant;

/// Who does not tell it at once is not waited for; a test's machine may stand still for a moment.
const LOOK: Duration = Duration::from_secs(if cfg!(test) { 60 } else { 2 });
/// The largest list of models that is read; OpenRouter's has half a MiB.
const MOST: usize = 4 * 1024 * 1024;
/// Somebody who did not answer is asked again, by the next question after this.
const PAUSE: Duration = Duration::from_secs(30);
/// How many models are remembered.
const MODELS: usize = 256;

/// What is known of the models of one address. Each place is asked until it says that it has nothing
/// to say; each model is asked about until everybody has answered.
#[derive(Default)]
pub(super) struct Contexts {
    known: Mutex<HashMap<String, Option<u32>>>,
    /// When somebody did not answer.
    unanswered: Mutex<Option<Instant>>,
    list_is_silent: AtomicBool,
    no_ollama: AtomicBool,
    no_llama_cpp: AtomicBool,
}

/// What came of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Tokens(u32),
    /// Ollama decides when it loads the model.
    NotLoaded,
    /// Nobody said it, and not everybody has answered.
    Unanswered,
    Nothing,
}

impl Look {
    fn tokens(self) -> Option<u32> {
        match self {
            Self::Tokens(tokens) => Some(tokens),
            Self::NotLoaded | Self::Unanswered | Self::Nothing => None,
        }
    }
}

/// How a place below the address is asked: by GET, or by POST with a body.
pub(super) trait Ask {
    /// The answer, where there is one of status 200; false where there is another.
    fn ask(
        &self,
        path: &'static str,
        body: Option<Value>,
    ) -> impl Future<Output = Result<Value, bool>> + Send;
}

impl Contexts {
    /// The tokens that `model` takes, if anybody says so.
    pub(super) async fn of(&self, model: &str, places: &impl Ask) -> Option<u32> {
        if let Some(known) = self.known(model) {
            return known;
        }
        match self.find(model, places).await {
            Look::NotLoaded | Look::Unanswered => None,
            found => self.keep(model, found.tokens()),
        }
    }

    /// The same once the model is loaded: who says nothing then is not asked again.
    pub(super) async fn once_loaded(&self, model: &str, places: &impl Ask) -> Option<u32> {
        if let Some(known) = self.known(model) {
            return known;
        }
        match self.find(model, places).await {
            Look::Unanswered => None,
            found => self.keep(model, found.tokens()),
        }
    }

    /// What is said now, whatever was said before; that, where nobody answers.
    pub(super) async fn anew(&self, model: &str, places: &impl Ask) -> Option<u32> {
        match self.find(model, places).await {
            Look::Unanswered => self.known(model).flatten(),
            found => self.keep(model, Some(found.tokens()?)),
        }
    }

    fn known(&self, model: &str) -> Option<Option<u32>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(model).copied()
    }

    fn keep(&self, model: &str, found: Option<u32>) -> Option<u32> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MODELS {
            known.clear();
        }
        known.insert(model.to_owned(), found);
        found
    }

    async fn find(&self, model: &str, places: &impl Ask) -> Look {
        if self
            .last_unanswered()
            .is_some_and(|at| at.elapsed() < PAUSE)
        {
            return Look::Unanswered;
        }
        let looking = tokio::time::timeout(LOOK, self.look(model, places));
        let found = looking.await.unwrap_or(Look::Unanswered);
        if found == Look::Unanswered {
            *self.last_unanswered() = Some(Instant::now());
        }
        found
    }

    fn last_unanswered(&self) -> MutexGuard<'_, Option<Instant>> {
        let last = self.unanswered.lock();
        last.unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self, model: &str, places: &impl Ask) -> Look {
        let mut nothing = Look::Nothing;
        if !self.list_is_silent.load(Relaxed) {
            match places.ask("v1/models", None).await {
                Ok(list) => match in_list(&list, model) {
                    Some(tokens) => return Look::Tokens(tokens),
                    None if says_nothing(&list) => self.list_is_silent.store(true, Relaxed),
                    None => {}
                },
                Err(true) => self.list_is_silent.store(true, Relaxed),
                Err(false) => nothing = Look::Unanswered,
            }
        }
        if !self.no_ollama.load(Relaxed) {
            match places.ask("api/ps", None).await {
                Ok(running) if running.get("models").is_some() => {
                    if let Some(tokens) = running_at(&running, model) {
                        return Look::Tokens(tokens);
                    }
                    let body = serde_json::json!({ "model": model });
                    let shown = places.ask("api/show", Some(body)).await.unwrap_or_default();
                    return set_to(&shown).map_or(Look::NotLoaded, Look::Tokens);
                }
                Ok(_) | Err(true) => self.no_ollama.store(true, Relaxed),
                Err(false) => nothing = Look::Unanswered,
            }
        }
        if !self.no_llama_cpp.load(Relaxed) {
            match places.ask("props", None).await {
                Ok(props) => {
                    let n_ctx = &props["default_generation_settings"]["n_ctx"];
                    if let Some(tokens) = tokens(n_ctx) {
                        return Look::Tokens(tokens);
                    }
                    self.no_llama_cpp.store(true, Relaxed);
                }
                Err(true) => self.no_llama_cpp.store(true, Relaxed),
                Err(false) => nothing = Look::Unanswered,
            }
        }
        nothing
    }
}

/// Reads an answer, if it is JSON of a bounded size.
pub(super) async fn json(answer: reqwest::Response) -> Option<Value> {
    let mut body = Vec::new();
    let mut bytes = answer.bytes_stream();
    while let Some(piece) = bytes.next().await {
        body.extend_from_slice(&piece.ok()?);
        if body.len() > MOST {
            return None;
        }
    }
    serde_json::from_slice(&body).ok()
}

fn tokens(value: &Value) -> Option<u32> {
    let tokens = value.as_u64().and_then(|n| u32::try_from(n).ok())?;
    (tokens > 0).then_some(tokens)
}

/// vLLM and SGLang, Groq, OpenRouter, Mistral: each has its own name for it.
fn length(entry: &Value) -> Option<u32> {
    let names = [
        "max_model_len",
        "context_window",
        "context_length",
        "max_context_length",
    ];
    names.iter().find_map(|name| tokens(&entry[*name]))
}

fn entries(list: &Value) -> &[Value] {
    list["data"].as_array().map_or(&[], Vec::as_slice)
}

fn in_list(list: &Value, model: &str) -> Option<u32> {
    length(entries(list).iter().find(|entry| entry["id"] == model)?)
}

fn says_nothing(list: &Value) -> bool {
    entries(list).iter().all(|entry| length(entry).is_none())
}

/// The context of a model that Ollama has loaded.
fn running_at(running: &Value, model: &str) -> Option<u32> {
    let full = match model.contains(':') {
        true => model.to_owned(),
        false => format!("{model}:latest"),
    };
    let models = running["models"].as_array()?;
    let this = |m: &&Value| [&m["name"], &m["model"]].iter().any(|name| **name == full);
    tokens(&models.iter().find(this)?["context_length"])
}

/// The context that a model of Ollama is set to, whoever loads it.
fn set_to(shown: &Value) -> Option<u32> {
    let parameters = shown["parameters"].as_str()?.lines();
    let mut words = parameters.map(str::split_whitespace);
    words
        .find_map(|mut line| (line.next() == Some("num_ctx")).then(|| line.next()?.parse().ok())?)
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
