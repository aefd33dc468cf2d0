//! A question that fits into what the model takes. Some servers cut what does not, without a word and
//! from the front, where the instructions are; so we cut, in the middle, and say so.

use crate::{
    conversation::conversation,
    model::ChatMessage,
    session_history::{AROUND, SessionHistory},
    transcript::Transcript,
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
        let most = most.min(context / 4).max(1);
        let room = (context - most) as usize * BYTES_PER_TOKEN;
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

/// Whether a server that counted `tokens` cannot have read all `bytes` of a question.
pub(crate) fn was_cut(bytes: usize, tokens: u32) -> bool {
    // None counted is none told.
    tokens > 0 && bytes > LEAST_SENT && tokens as usize * MOST_BYTES_PER_TOKEN < bytes
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use stigmer_api::{
        agentexecution::{
            AgentExecution, AgentExecutionStatus, AgentMessage, ExecutionPhase, MessageType,
        },
        apiresource::ApiResourceMetadata,
    };

    use super::*;
    use crate::{backend::fake::Fake, transcript::RequestedCall};

    fn transcript(results: &[usize]) -> Transcript {
        let mut transcript = Transcript::default();
        for length in results {
            let call = RequestedCall {
                name: "f".to_owned(),
                ..RequestedCall::default()
            };
            transcript.answer(String::new(), String::new(), vec![call]);
            let turn = transcript.turns.last_mut().unwrap();
            turn.calls[0].end(false, "x".repeat(*length), String::new());
        }
        transcript
    }

    fn fit(results: &[usize], system: usize, context: Option<u32>) -> Result<Fitted, String> {
        let question = Question {
            system: &"s".repeat(system),
            history: &SessionHistory::default(),
            message: "m",
            transcript: &transcript(results),
            tools: 100,
        };
        question.fit(context, 1000)
    }

    #[test]
    fn what_fits_is_sent_as_it_is() {
        for context in [None, Some(100_000)] {
            let fitted = fit(&[20_000], 100, context).unwrap();
            assert_eq!((fitted.cut.as_str(), fitted.most), ("", 1000));
            assert!(sent(&fitted.messages) > 20_000);
        }
    }

    #[test]
    fn what_does_not_fit_is_cut_and_the_instructions_stay() {
        let fitted = fit(&[6000, 6000, 600], 300, Some(2048)).unwrap();
        assert_eq!(fitted.most, 512);
        assert!(
            sent(&fitted.messages) + 100 <= 1536 * 3,
            "{}",
            sent(&fitted.messages)
        );
        assert_eq!(fitted.messages[0].content, Some("s".repeat(300)));
        let last = fitted.messages.last().unwrap();
        assert_eq!(last.content, Some("x".repeat(600)));
        assert!(fitted.cut.contains("2048 tokens"), "{}", fitted.cut);
    }

    /// An execution that said this, and no more.
    fn execution(id: &str, said: &str) -> AgentExecution {
        let message = AgentMessage {
            r#type: MessageType::MessageHuman.into(),
            content: said.to_owned(),
            ..Default::default()
        };
        AgentExecution {
            metadata: Some(ApiResourceMetadata {
                id: id.to_owned(),
                ..Default::default()
            }),
            status: Some(AgentExecutionStatus {
                phase: ExecutionPhase::ExecutionCompleted.into(),
                messages: vec![message],
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[tokio::test]
    async fn of_a_session_that_does_not_fit_the_newest_stays() {
        let fake = Fake::default();
        let long = "x".repeat(9000);
        let said = [("3", "new"), ("2", long.as_str()), ("1", "old")];
        fake.page(said.map(|(id, said)| execution(id, said)).into());
        let backend = fake.serve().await;
        let history = SessionHistory::load(&backend, "s", "4", None).await;
        let question = Question {
            system: "s",
            history: &history.unwrap(),
            message: "m",
            transcript: &Transcript::default(),
            tools: 100,
        };
        let fitted = question.fit(Some(2048), 1000).unwrap();
        let sent = fitted.messages.iter().skip(1);
        let sent: Vec<_> = sent.filter_map(|it| it.content.as_deref()).collect();
        assert_eq!(sent, ["new", "m"]);
        assert!(fitted.cut.contains("2048 tokens"), "{}", fitted.cut);
    }

    #[test]
    fn what_cannot_be_cut_is_refused_with_the_setting() {
        let why = fit(&[], 6000, Some(2048)).err().unwrap();
        assert!(
            why.contains("OLLAMA_CONTEXT_LENGTH") && why.contains("2048 tokens"),
            "{why}"
        );
    }

    #[test]
    fn a_count_that_is_far_too_small_shows_a_cut() {
        assert!(was_cut(16_001, 1000));
        assert!(!was_cut(16_000, 1000));
        assert!(!was_cut(4096, 1) && was_cut(4097, 1));
        assert!(!was_cut(1_000_000, 0));
    }
}
