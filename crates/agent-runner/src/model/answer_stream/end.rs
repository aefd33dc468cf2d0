//! Whether an answer that has ended is one.

use stigmer_api::finish::{self, Cut};

use super::AnswerStream;
use crate::model::error::{ModelError, excerpt};

/// Reasons that say that the answer is none: what is there is not all that was meant.
const BROKEN_OFF: [&str; 8] = [
    "abort",
    "canceled",
    "cancelled",
    "error",
    "error_finish",
    "insufficient_system_resource",
    "network_error",
    "timeout",
];
/// The same, with something around them: the model meant to call a tool and failed to say it.
const NO_CALL: [&str; 4] = [
    "malformed_function_call",
    "malformed_response",
    "too_many_tool_calls",
    "unexpected_tool_call",
];
/// Reasons that say that a tool is called.
const CALLED: [&str; 4] = ["function_call", "tool_call", "tool_calls", "tool_use"];

impl AnswerStream {
    /// Whether all of it is there.
    pub(super) fn end(&self) -> Result<(), ModelError> {
        let reason = finish::normal(&self.answer.finish_reason);
        self.is_not_broken_off(&reason)?;
        match self.is_empty() {
            true => Err(self.empty(&reason)),
            false => Ok(()),
        }
    }

    fn is_not_broken_off(&self, reason: &str) -> Result<(), ModelError> {
        let failed = BROKEN_OFF.contains(&reason) || NO_CALL.iter().any(|it| reason.contains(it));
        let got = self.answer.text.chars().count();
        let why = if self.finished.is_none() {
            let unread = match self.stream.unread() {
                "" => String::new(),
                unread => format!("; it sent what is no answer: {}", excerpt(unread)),
            };
            format!("broke off after {got} characters of its answer{unread}")
        } else if failed {
            format!("broke off after {got} characters of its answer ({reason})")
        } else if CALLED.contains(&reason) && self.calls.is_empty() {
            format!(
                "broke off after {got} characters of its answer: it says that it calls a tool \
                 ({reason}), and calls none"
            )
        } else {
            return Ok(());
        };
        Err(self.address.error("ModelBrokeOff", why, true))
    }

    /// Why there is nothing in it.
    fn empty(&self, reason: &str) -> ModelError {
        let error = |kind, why: String, retryable| self.address.error(kind, why, retryable);
        match (Cut::of(reason), self.thoughts) {
            (Some(Cut::Length), thoughts) => {
                let used = self.answer.usage;
                let used = used.map_or(self.max_tokens, |u| u.output.max(1));
                let thought = match thoughts {
                    0 => "before it said a word",
                    _ => "on thoughts and said nothing",
                };
                let why = format!(
                    "used up its {used} tokens {thought}: raise STIGMER_LLM_MAX_TOKENS of the runner, \
                     which is {}",
                    self.max_tokens
                );
                error("ModelSpentItself", why, false)
            }
            (Some(Cut::Filter), _) => {
                let why = format!("gave no answer: its content filter withheld it ({reason})");
                error("ModelFiltered", why, false)
            }
            (None, 0) => error("ModelSaidNothing", "gave an empty answer".to_owned(), true),
            (None, _) => {
                let why = "gave an empty answer: thoughts only, and no word after them";
                error("ModelSaidNothing", why.to_owned(), true)
            }
        }
    }
}
