//! An answer, piece by piece.

use futures::{StreamExt, stream::BoxStream};
use serde::Deserialize;

use super::{
    address::Address,
    calls::{CallDelta, Calls},
    error::{ModelError, excerpt},
};
use crate::transcript::{RequestedCall, size_limit};

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
    tool_calls: Option<Vec<CallDelta>>,
}

/// An answer on its way.
pub(crate) struct AnswerStream {
    address: Address,
    events: BoxStream<'static, Result<String, String>>,
    text: String,
    calls: Calls,
    finished: bool,
}

impl AnswerStream {
    pub(super) fn new(
        address: Address,
        events: BoxStream<'static, Result<String, String>>,
    ) -> Self {
        Self {
            address,
            events,
            text: String::new(),
            calls: Calls::default(),
            finished: false,
        }
    }

    /// All of the answer's text so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The answer: its text and the tools that it calls.
    pub(crate) fn take(self) -> (String, Vec<RequestedCall>) {
        (self.text, self.calls.take())
    }

    /// Waits for more of the answer's text; false when the answer is whole.
    pub(crate) async fn grow(&mut self) -> Result<bool, ModelError> {
        while let Some(data) = self.event().await? {
            if data.trim() == "[DONE]" {
                self.finished = true;
                break;
            }
            let before = self.text.len();
            for choice in self.parse(&data)?.choices {
                self.finished |= choice.finish_reason.is_some();
                self.text
                    .push_str(&choice.delta.content.unwrap_or_default());
                let calls = choice.delta.tool_calls.unwrap_or_default();
                calls.into_iter().for_each(|call| self.calls.add(call));
            }
            if self.text.len() + self.calls.size() > size_limit::MOST {
                return Err(self.too_large());
            }
            if self.text.len() > before {
                return Ok(true);
            }
        }
        if !self.finished {
            let got = self.text.chars().count();
            let why = format!("broke off after {got} characters of its answer");
            return Err(self.address.error("ModelBrokeOff", why, true));
        }
        if self.text.trim().is_empty() && self.calls.is_empty() {
            return Err(self
                .address
                .error("ModelSaidNothing", "gave an empty answer", true));
        }
        Ok(false)
    }

    /// An answer that goes on and on, or that fits nowhere.
    pub(crate) fn too_large(&self) -> ModelError {
        let why = format!(
            "gave an answer of more than {} bytes: lower STIGMER_LLM_MAX_TOKENS of the runner, or \
             ask for less at once",
            size_limit::MOST
        );
        self.address.error("ModelAnswerTooLarge", why, false)
    }

    async fn event(&mut self) -> Result<Option<String>, ModelError> {
        let next = self.address.patient(self.events.next()).await?;
        next.transpose().map_err(|e| {
            let why = format!("broke off its answer: {e}");
            self.address.error("ModelBrokeOff", why, true)
        })
    }

    fn parse(&self, data: &str) -> Result<Chunk, ModelError> {
        let garbage = |e| {
            let why = format!(
                "sent what is no piece of an answer ({e}): {}",
                excerpt(data)
            );
            self.address.error("ModelGarbage", why, true)
        };
        let chunk: Chunk = serde_json::from_str(data).map_err(garbage)?;
        match &chunk.error {
            Some(error) => {
                let why = format!("failed while answering: {}", excerpt(&error.to_string()));
                Err(self.address.error("ModelServerError", why, true))
            }
            None => Ok(chunk),
        }
    }
}
