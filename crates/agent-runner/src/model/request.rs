//! A question as it goes out, and what a model does not take in one.

use std::{
    borrow::Cow,
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
    pub(super) messages: Cow<'a, [ChatMessage]>,
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
    /// Calls without thoughts before them.
    no_thoughts: bool,
}

impl<'a> Request<'a> {
    pub(super) fn new(model: &'a str, messages: &'a [ChatMessage], tools: Vec<Tool<'a>>) -> Self {
        Self {
            model,
            messages: Cow::Borrowed(messages),
            tools,
            max_tokens: None,
            max_completion_tokens: None,
            stream: true,
            stream_options: None,
        }
    }

    /// With the limit of its answer, in the words that the model takes.
    pub(super) fn without(mut self, refused: Refused, most: u32) -> Self {
        self.max_tokens = (!refused.max_tokens).then_some(most);
        self.max_completion_tokens = refused.max_tokens.then_some(most);
        self.stream_options = (!refused.stream_options).then_some(StreamOptions {
            include_usage: true,
        });
        if refused.no_thoughts {
            let messages = self.messages.to_mut();
            messages.iter_mut().for_each(ChatMessage::think);
        }
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
            learned.no_thoughts |= misses_thoughts(body);
        }
        (learned != self).then_some(learned)
    }
}

/// Whether a refusal says that thoughts are not there; others refuse that they are.
fn misses_thoughts(body: &str) -> bool {
    let body = body.to_lowercase();
    let missing = ["missing", "passed back", "required"];
    body.contains("reasoning_content") && missing.iter().any(|words| body.contains(words))
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
    use crate::model::FunctionCall;

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
        for missing in [
            "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2",
            "Missing `reasoning_content` field in the assistant message at message index 1.",
            "The `reasoning_content` in the thinking mode must be passed back to the API.",
        ] {
            let learned = none.learn(400, missing).unwrap();
            assert!(learned.no_thoughts, "{missing}");
            assert_eq!(learned.learn(400, missing), None);
        }
        let others = "reasoning_content is not supported in messages";
        assert_eq!(none.learn(400, others), None);
    }

    #[test]
    fn what_was_refused_is_remembered_for_that_model() {
        let memory = Memory::default();
        let refused = Refused {
            max_tokens: true,
            stream_options: true,
            no_thoughts: true,
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

    #[test]
    fn thoughts_stand_before_calls_alone() {
        let call = vec![FunctionCall::new("a", "f", "{}".to_owned())];
        let messages = [
            ChatMessage::user("hello"),
            ChatMessage::assistant("", call),
            ChatMessage::tool("a", "1"),
            ChatMessage::assistant("Done.", Vec::new()),
        ];
        let thoughts = |refused: Refused| {
            let sent = Request::new("a", &messages, Vec::new()).without(refused, 7);
            let sent = serde_json::to_value(&sent.messages).unwrap();
            let sent = sent.as_array().unwrap().iter();
            let thoughts = sent.map(|it| it.get("reasoning_content").cloned());
            thoughts.collect::<Vec<_>>()
        };
        assert_eq!(thoughts(Refused::default()), vec![None; 4]);
        let no_thoughts = Refused {
            no_thoughts: true,
            ..Refused::default()
        };
        let expected = vec![None, Some(serde_json::Value::from(" ")), None, None];
        assert_eq!(thoughts(no_thoughts), expected);
    }
}
