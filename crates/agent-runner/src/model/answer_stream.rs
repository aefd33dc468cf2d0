//! An answer, piece by piece.

mod end;

use std::{collections::VecDeque, time::Duration};

use futures::{StreamExt, stream::BoxStream};
use reqwest::header::HeaderMap;
use stigmer_api::finish::Cut;
use tokio::time::Instant;

use super::{
    address::Address,
    calls::{CallDelta, Calls},
    chunk::{self, Chunk, NoChunk, Usage},
    error::{ApiError, ModelError, excerpt},
    event_stream::{Event, EventStream},
    halves::Halves,
    retry_after,
};
use crate::transcript::{RequestedCall, size_limit};

/// How long more is waited for once the answer has ended: its usage, and the mark of the end, which
/// some servers forget.
const AFTER_THE_END: Duration = Duration::from_secs(1);

/// The bytes of an answer, or why there are no more.
pub(super) type Bytes = BoxStream<'static, Result<Vec<u8>, String>>;

/// An answer on its way.
pub(crate) struct AnswerStream {
    address: Address,
    bytes: Bytes,
    stream: EventStream,
    events: VecDeque<Event>,
    answer: Answer,
    calls: Calls,
    /// Whether words, and calls, came in pieces: a message beside them says them once more.
    said_in_pieces: bool,
    called_in_pieces: bool,
    /// Which of several answers it is.
    choice: Option<u64>,
    halves: Halves,
    thoughts: usize,
    /// Since when the answer is whole, as far as we know.
    finished: Option<Instant>,
    /// Nothing more is read.
    ended: bool,
    deadline: Instant,
    max_tokens: u32,
}

/// A whole answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) calls: Vec<RequestedCall>,
    /// Why it ended, in the server's word; empty where it gave none.
    pub(crate) finish_reason: String,
    /// The model's name as it answered; empty where it gave none.
    pub(crate) model: String,
    pub(crate) usage: Option<Usage>,
}

impl AnswerStream {
    pub(super) fn new(address: Address, bytes: Bytes, began: Instant, max_tokens: u32) -> Self {
        Self {
            deadline: began + address.answer,
            address,
            bytes,
            stream: EventStream::default(),
            events: VecDeque::new(),
            answer: Answer::default(),
            calls: Calls::default(),
            said_in_pieces: false,
            called_in_pieces: false,
            choice: None,
            halves: Halves::default(),
            thoughts: 0,
            finished: None,
            ended: false,
            max_tokens,
        }
    }

    /// All of the answer's text so far.
    pub(crate) fn text(&self) -> &str {
        &self.answer.text
    }

    /// The answer.
    pub(crate) fn take(mut self) -> Answer {
        self.halves.end(&mut self.answer.text);
        let cut = Cut::of(&self.answer.finish_reason);
        Answer {
            calls: self.calls.take(cut),
            ..self.answer
        }
    }

    /// Waits for more of the answer's text; false when the answer is whole.
    pub(crate) async fn grow(&mut self) -> Result<bool, ModelError> {
        loop {
            let before = self.answer.text.len();
            while let Some(event) = self.events.pop_front() {
                self.event(event)?;
                if self.answer.text.len() + self.calls.size() > size_limit::MOST {
                    return Err(self.too_large());
                }
            }
            if self.answer.text.len() > before {
                return Ok(true);
            }
            if self.ended {
                return self.end().map(|()| false);
            }
            self.read().await?;
        }
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

    /// Reads more bytes. Any of them is a sign of life.
    async fn read(&mut self) -> Result<(), ModelError> {
        let silent = Instant::now() + self.address.silence;
        let mut until = silent.min(self.deadline);
        // What was only thought so far may be followed by words, whatever reason stands there.
        if let Some(finished) = self.finished.filter(|_| !self.is_empty()) {
            until = until.min(finished + AFTER_THE_END);
        }
        let next = tokio::time::timeout_at(until, self.bytes.next()).await;
        match next {
            Ok(Some(Ok(bytes))) => match self.stream.push(&bytes) {
                Ok(events) => self.events.extend(events),
                Err(_) => return Err(self.too_large()),
            },
            Ok(None) => {
                self.ended = true;
                self.events.extend(self.stream.end());
            }
            // The answer is there; how its connection ends is of no matter.
            _ if self.finished.is_some() => self.ended = true,
            Ok(Some(Err(why))) => {
                let why = format!("broke off its answer: {why}");
                return Err(self.address.error("ModelBrokeOff", why, true));
            }
            Err(_) if until == self.deadline => return Err(self.address.too_long()),
            Err(_) => return Err(self.address.silent()),
        }
        Ok(())
    }

    fn event(&mut self, event: Event) -> Result<(), ModelError> {
        match event {
            Event::Error(words) => Err(self.failed(&ApiError::told(&words))),
            Event::Data(data) => {
                let data = data.trim();
                let (data, done) = match (data, data.strip_suffix("[DONE]")) {
                    ("DONE" | "\"[DONE]\"", _) => ("", true),
                    (_, Some(rest)) => (rest, true),
                    _ => (data, false),
                };
                self.objects(data, false)?;
                if done {
                    self.finished.get_or_insert_with(Instant::now);
                    self.ended = true;
                    self.events.clear();
                }
                Ok(())
            }
            Event::Note(data) => {
                let words = ["\"choices\"", "\"error\"", "[DONE]"];
                match words.iter().any(|word| data.contains(word)) {
                    true => self.event(Event::Data(data)),
                    false => {
                        self.stream.put_aside(&data);
                        Ok(())
                    }
                }
            }
            Event::Whole(body) => self.objects(body.trim_start_matches('\u{feff}'), true),
        }
    }

    /// Takes what a text of one or several objects, or a list of them, says, which may be a `body` in place of a stream.
    fn objects(&mut self, text: &str, body: bool) -> Result<(), ModelError> {
        let all = chunk::objects(text);
        for object in all.map_err(|e| self.garbage(&format!("{e}: {}", excerpt(text))))? {
            match Chunk::read(&object, &mut self.choice) {
                Ok(chunk) => {
                    if chunk.foreign {
                        self.stream.put_aside(&excerpt(&object.to_string()));
                    }
                    self.add(chunk, body);
                }
                Err(NoChunk::Error(error)) => return Err(self.failed(&error)),
                Err(NoChunk::Garbage(why)) => return Err(self.garbage(&why)),
            }
        }
        Ok(())
    }

    fn add(&mut self, chunk: Chunk, body: bool) {
        let said = !chunk.text.is_empty() || !chunk.calls.is_empty() || chunk.thoughts > 0;
        match chunk.whole {
            true => self.message(&chunk.text, chunk.calls),
            false => {
                self.said_in_pieces |= !chunk.text.trim().is_empty();
                self.called_in_pieces |= !chunk.calls.is_empty();
                self.halves.push(&mut self.answer.text, &chunk.text);
                let calls = chunk.calls.into_iter();
                calls.for_each(|call| self.calls.add(call));
            }
        }
        self.thoughts += chunk.thoughts;
        if let Some(model) = chunk.model {
            self.answer.model = model;
        }
        self.answer.usage = chunk.usage.or(self.answer.usage);
        if let Some(reason) = chunk.finish_reason {
            self.answer.finish_reason = reason;
            self.finished = Some(Instant::now());
        } else if (chunk.whole && body) || (said && self.finished.is_some()) {
            self.finished = Some(Instant::now());
        }
    }

    /// Takes a message that stands where a piece is meant. What it says once more, as a whole, is said already; where no
    /// pieces came it is one itself, unless it begins with all that was said.
    fn message(&mut self, text: &str, calls: Vec<CallDelta>) {
        let before = self.answer.text.as_str();
        let text = match text.strip_prefix(before) {
            Some(rest) => rest,
            None if self.said_in_pieces || text.trim() == before.trim() => "",
            None => text,
        };
        self.halves.push(&mut self.answer.text, text);
        if !self.called_in_pieces {
            self.calls.restate(calls);
        }
    }

    fn is_empty(&self) -> bool {
        self.answer.text.trim().is_empty() && self.calls.is_empty()
    }

    fn failed(&self, error: &ApiError) -> ModelError {
        let status = error.status.unwrap_or(500);
        let (kind, retryable) = error.kind(status);
        let why = match error.status {
            Some(status) => format!("failed while answering ({status}): {}", error.words),
            None => format!("failed while answering: {}", error.words),
        };
        ModelError {
            retry_after: retry_after::wait(status, &HeaderMap::new(), &error.words),
            ..self.address.error(kind, why, retryable)
        }
    }

    fn garbage(&self, why: &str) -> ModelError {
        let why = format!("sent what is no piece of an answer ({why})");
        self.address.error("ModelGarbage", why, true)
    }
}
