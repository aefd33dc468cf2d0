//! What an answer cost, read from its end, so that nothing of it has to be held back.

use serde::{Deserialize, Serialize};

/// How much of an answer's end is searched; what servers say after the usage is far shorter.
const TAIL: usize = 8 * 1024;

/// How many times the word is looked at before the end is taken for one that tells no usage.
const TRIES: usize = 16;

/// What an answer cost, as it says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tokens {
    #[serde(rename(deserialize = "prompt_tokens"))]
    prompt: u64,
    #[serde(rename(deserialize = "completion_tokens"), default)]
    completion: u64,
    #[serde(rename(deserialize = "total_tokens"), default)]
    total: u64,
}

/// The end of what came so far.
#[derive(Debug, Default)]
pub(crate) struct Tail(Vec<u8>);

impl Tail {
    /// More came.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let from = bytes.len().saturating_sub(TAIL);
        self.0.extend_from_slice(&bytes[from..]);
        if self.0.len() > 4 * TAIL {
            self.0.drain(..self.0.len() - TAIL);
        }
    }

    /// Whether it ends with a stream's mark of the end.
    pub(crate) fn is_done(&self) -> bool {
        self.0.trim_ascii_end().ends_with(b"data: [DONE]")
    }

    /// The usage that it tells last.
    pub(crate) fn tokens(&self) -> Option<Tokens> {
        let tail = String::from_utf8_lossy(&self.0);
        let mut told = tail.rmatch_indices("\"usage\":").map(|(at, mark)| {
            let told = serde_json::Deserializer::from_str(&tail[at + mark.len()..]);
            told.into_iter::<Option<Tokens>>().next()?.ok()?
        });
        told.by_ref().take(TRIES).find_map(|tokens| tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_repeated_is_looked_at_a_few_times() {
        let tokens = |times: usize| {
            let mut tail = Tail::default();
            tail.push(br#"{"usage":{"prompt_tokens":3},"#);
            tail.push(r#""usage":{},"#.repeat(times).as_bytes());
            tail.tokens().is_some()
        };
        assert!(tokens(TRIES - 1));
        assert!(!tokens(TRIES));
    }

    #[test]
    fn the_last_usage_that_is_told_counts() {
        let mut tail = Tail::default();
        let said = r#"{"text":"\"usage\":{\"prompt_tokens\":9}","usage":null}"#;
        tail.push(said.as_bytes());
        assert_eq!(tail.tokens(), None);
        tail.push("ä".repeat(TAIL * 3).as_bytes());
        tail.push(br#"{"usage":{"prompt_tokens":3,"comple"#);
        tail.push(br#"tion_tokens":4,"total_tokens":7,"more":1},"usage":null}"#);
        let (prompt, completion, total) = (3, 4, 7);
        let told = Tokens {
            prompt,
            completion,
            total,
        };
        assert_eq!(tail.tokens(), Some(told));
    }
}
