//! A question that fits into what the model takes. Some servers cut what does not, without a word and
//! from the front, where the instructions are; so we cut, in the middle, and say so.

use crate::{
    conversation::conversation,
    model::ChatMessage,
    session_history::{AROUND, SessionHistory},
    transcript::{Transcript, Turn},
};

/// Bytes of text that a token takes at least, taken together: English has four, code three. Texts of
/// other scripts have more bytes a letter, and about as many a token.
const BYTES_PER_TOKEN: usize = 3;
/// A server that counts fewer tokens than one for so many bytes has not read all of them.
const MOST_BYTES_PER_TOKEN: usize = 16;
/// Below this nothing is concluded from a count: what stands around the words weighs too much.
const LEAST_SENT: usize = 4096;

/// What a model is asked.
pub(crate) struct Question<'a> {
    pub(crate) system: &'a str,
    pub(crate) history: &'a SessionHistory,
    pub(crate) message: &'a str,
    pub(crate) transcript: &'a Transcript,
    /// Bytes of what it is told of its tools.
    pub(crate) tools: usize,
}

/// What is sent.
pub(crate) struct Fitted {
    pub(crate) messages: Vec<ChatMessage>,
    /// The longest answer that is asked for, in tokens.
    pub(crate) most: u32,
    /// What was left out, in a sentence; empty where nothing was.
    pub(crate) cut: String,
}

impl Question<'_> {
    /// The question within `context` tokens, of which `most` are for the answer, and a quarter at most.
    ///
    /// # Errors
    /// With a sentence, when what cannot be cut is too large.
    pub(crate) fn fit(&self, context: Option<u32>, most: u32) -> Result<Fitted, String> {
        let all = |history: &SessionHistory, transcript: &Transcript| {
            conversation(self.system, history, self.message, &transcript.turns)
        };
        let whole = all(self.history, self.transcript);
        let Some(context) = context else {
            return Ok(Fitted {
                messages: whole,
                most,
                cut: String::new(),
            });
        };
        let most = longest_answer(context, most);
        let room = room(context, most);
        let size = |messages: &[ChatMessage]| sent(messages) + self.tools;
        if size(&whole) <= room {
            return Ok(Fitted {
                messages: whole,
                most,
                cut: String::new(),
            });
        }
        let too_small = |why: &str| {
            format!(
                "{why}; the model takes {context} tokens, question and answer together, about {room} \
                 bytes of a question: take a model with a larger context, raise OLLAMA_CONTEXT_LENGTH \
                 where it is an Ollama, or set STIGMER_LLM_CONTEXT_TOKENS of the runner where this is \
                 not so"
            )
        };
        // The session goes first, the oldest of it before the rest.
        let nothing = SessionHistory::default();
        let fixed = size(&all(&nothing, &Transcript::default()));
        let mut transcript = self.transcript.clone();
        let left = room.saturating_sub(size(&all(&nothing, &transcript)));
        let history = self.history.newest(left);
        if left == 0 {
            let of_transcript = room.saturating_sub(fixed);
            if of_transcript == 0 {
                let why = format!("instructions, tools and message alone take {fixed} bytes");
                return Err(too_small(&why));
            }
            transcript
                .fit(of_transcript)
                .map_err(|why| too_small(&why))?;
        }
        Ok(Fitted {
            messages: all(&history, &transcript),
            most,
            cut: format!(
                "what the model was sent was cut to fit its context of {context} tokens: the oldest of \
                 the session and long results were left out"
            ),
        })
    }
}

/// Bytes of a conversation.
pub(crate) fn sent(messages: &[ChatMessage]) -> usize {
    messages.iter().map(|m| m.size() + AROUND).sum()
}

/// The longest answer that is asked for within a context: a quarter of it at most.
fn longest_answer(context: u32, most: u32) -> u32 {
    most.min(context / 4).max(1)
}

/// Bytes of a question within a context, beside an answer of `most` tokens.
fn room(context: u32, most: u32) -> usize {
    context.saturating_sub(most) as usize * BYTES_PER_TOKEN
}

/// Whether a question of so many bytes fits into a context as it is.
pub(crate) fn fits(bytes: usize, context: u32, most: u32) -> bool {
    bytes <= room(context, longest_answer(context, most))
}

/// A question, and how many tokens of it a server counted: none where it told none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) bytes: usize,
    pub(crate) tokens: u32,
}

/// The questions of an agent so far, each of which begins with the one before: those that were answered by `turns`, and
/// that of `messages`, of which `tokens` were counted. Each has so many bytes of `tools`.
pub(crate) fn counted(
    messages: &[ChatMessage],
    tools: usize,
    turns: &[Turn],
    tokens: u32,
) -> Vec<Counted> {
    let of_turn = |turn: &Turn| 1 + turn.calls.len();
    let answered: usize = turns.iter().map(of_turn).sum();
    let (first, mut rest) = messages.split_at(messages.len().saturating_sub(answered));
    let mut bytes = sent(first) + tools;
    let mut counted = Vec::with_capacity(turns.len() + 1);
    for turn in turns {
        let tokens = turn.ending.tokens.input;
        counted.push(Counted { bytes, tokens });
        let (added, after) = rest.split_at(of_turn(turn).min(rest.len()));
        bytes += sent(added);
        rest = after;
    }
    counted.push(Counted { bytes, tokens });
    counted
}

/// Whether a server cannot have read all of the last of these questions. Of one that begins with a question that was read
/// only the rest counts: some servers count no more than what is not in their cache.
pub(crate) fn was_cut(counted: &[Counted]) -> bool {
    let (mut read, mut cut) = (0, false);
    for &Counted { bytes, tokens } in counted {
        let new = bytes.saturating_sub(read);
        // None counted is none told.
        cut = tokens > 0 && new > LEAST_SENT && tokens as usize * MOST_BYTES_PER_TOKEN < new;
        read = if cut || tokens == 0 { 0 } else { bytes };
    }
    cut
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
