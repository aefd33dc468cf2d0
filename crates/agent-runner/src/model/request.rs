//! A question as it goes out, and what a model does not take in one.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use super::message::{ChatMessage, Tool};

/// How many models are remembered; whoever asks more of them learns again.
const MODELS: usize = 256;

#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) model: &'a str,
    pub(super) messages: &'a [ChatMessage],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// What a model refused, so that it is not sent it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Refused {
    /// The limit of an answer is called `max_completion_tokens`.
    max_tokens: bool,
    /// Its usage is not asked for: it tells it unasked, or never.
    stream_options: bool,
}

impl<'a> Request<'a> {
    pub(super) fn new(model: &'a str, messages: &'a [ChatMessage], tools: Vec<Tool<'a>>) -> Self {
        Self {
            model,
            messages,
            tools,
            max_tokens: None,
            max_completion_tokens: None,
            stream: true,
            stream_options: None,
        }
    }

    /// With the limit of its answer, as far as the model takes it.
    pub(super) fn without(mut self, refused: Refused, most: u32) -> Self {
        self.max_tokens = (!refused.max_tokens).then_some(most);
        self.max_completion_tokens = refused.max_tokens.then_some(most);
        self.stream_options = (!refused.stream_options).then_some(StreamOptions {
            include_usage: true,
        });
        self
    }
}

impl Refused {
    /// What a refusal teaches that was not known; none where it is about something else.
    pub(super) fn learn(self, status: u16, body: &str) -> Option<Self> {
        let mut learned = self;
        if matches!(status, 400 | 422) {
            learned.max_tokens |= body.contains("max_completion_tokens");
            learned.stream_options |=
                body.contains("stream_options") || body.contains("include_usage");
        }
        (learned != self).then_some(learned)
    }
}

/// What each model refused.
#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<String, Refused>>);

impl Memory {
    pub(super) fn of(&self, model: &str) -> Refused {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(model).copied().unwrap_or_default()
    }

    pub(super) fn keep(&self, model: &str, refused: Refused) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MODELS {
            known.clear();
        }
        known.insert(model.to_owned(), refused);
    }
}

/// Whether a refusal says that the model calls no tools.
pub(super) fn takes_no_tools(body: &str) -> bool {
    [
        "does not support tools",            // Ollama
        "enable-auto-tool-choice",           // vLLM, started without a parser
        "requires --jinja",                  // llama.cpp, started without templates
        "support tool use",                  // OpenRouter, no provider of that model
        "does not support function calling", // several
    ]
    .iter()
    .any(|words| body.contains(words))
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_teaches_each_thing_once() {
        let none = Refused::default();
        let azure = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.";
        let renamed = none.learn(400, azure).unwrap();
        assert!(renamed.max_tokens && !renamed.stream_options);
        assert_eq!(renamed.learn(400, azure), None);
        let mistral = r#"{"loc":["body","stream_options","include_usage"]}"#;
        assert!(renamed.learn(422, mistral).unwrap().stream_options);
        assert_eq!(none.learn(401, azure), None);
        assert_eq!(none.learn(400, "max_tokens is too large"), None);
    }

    #[test]
    fn what_was_refused_is_remembered_for_that_model() {
        let memory = Memory::default();
        let refused = Refused {
            max_tokens: true,
            stream_options: true,
        };
        memory.keep("a", refused);
        assert_eq!(
            (memory.of("a"), memory.of("b")),
            (refused, Refused::default())
        );
        let sent = Request::new("a", &[], Vec::new()).without(refused, 7);
        let sent = serde_json::to_value(&sent).unwrap();
        assert_eq!(sent["max_completion_tokens"], 7);
        assert!(sent.get("max_tokens").is_none() && sent.get("stream_options").is_none());
    }
}
