//! One JSON line per exchange: what was asked of which model, who answered, and how it went. Never a key, never the
//! words.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anyhow::Context;
use serde::Serialize;

use crate::{
    outcome::{Lane, Outcome},
    request::Head,
    tokens::{Tail, Tokens},
};

/// Where the lines go; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct AccessLog(Sink);

#[derive(Clone, Debug, Default)]
enum Sink {
    #[default]
    Nowhere,
    Output,
    File(Arc<Mutex<File>>),
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    path: &'a str,
    lane: Option<Lane>,
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cassette: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    stream: bool,
    status: Option<u16>,
    outcome: Outcome,
    first_byte_ms: Option<u128>,
    duration_ms: u128,
    request_bytes: usize,
    response_bytes: usize,
    chunks: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<Tokens>,
}

impl AccessLog {
    /// Appends to a file, to standard output for `-`; `None` writes nothing.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn to(path: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Self(match path {
            None => Sink::Nowhere,
            Some(path) if path == Path::new("-") => Sink::Output,
            Some(path) => {
                let file = OpenOptions::new().create(true).append(true).open(path);
                let file = file.with_context(|| format!("cannot open {}", path.display()))?;
                Sink::File(Arc::new(Mutex::new(file)))
            }
        }))
    }

    fn write(&self, line: &Line<'_>) {
        let Ok(mut text) = serde_json::to_string(line) else {
            return;
        };
        text.push('\n');
        let written = match &self.0 {
            Sink::Nowhere => Ok(()),
            Sink::Output => std::io::stdout().write_all(text.as_bytes()),
            // A thread that panicked while it wrote left at most half a line.
            Sink::File(file) => file
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .write_all(text.as_bytes()),
        };
        if let Err(error) = written {
            tracing::warn!("an exchange was not noted: {error}");
        }
    }
}

/// The longest name in a line, in bytes; the longest that anybody means is far shorter.
const LONGEST: usize = 512;

/// A name, or its beginning.
fn short(name: &str) -> &str {
    &name[..name.floor_char_boundary(LONGEST)]
}

/// What is done once it is known how an exchange ended.
#[derive(Default)]
pub struct OnEnd(Option<Box<dyn FnOnce(Outcome) + Send>>);

impl OnEnd {
    /// Does this.
    pub fn new(tell: impl FnOnce(Outcome) + Send + 'static) -> Self {
        Self(Some(Box::new(tell)))
    }
}

impl fmt::Debug for OnEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnEnd").field(&self.0.is_some()).finish()
    }
}

/// An exchange on its way; its line is written when this is dropped, however it ends.
#[derive(Debug)]
pub struct Exchange {
    log: AccessLog,
    path: String,
    head: Head,
    began: Instant,
    first_byte: Option<Instant>,
    request_bytes: usize,
    response_bytes: usize,
    chunks: usize,
    tail: Tail,
    /// Who answers; none before the request was read.
    pub lane: Option<Lane>,
    /// The script's key.
    pub script: Option<String>,
    /// The cassette's name.
    pub cassette: Option<String>,
    /// The fault that struck: a rule's name, or `script` for one that its script asked for.
    pub fault: Option<String>,
    /// What the request says that it is part of.
    pub traceparent: Option<String>,
    /// The answer's status.
    pub status: Option<u16>,
    /// How it ended; a client that leaves drops this before anybody says otherwise.
    pub outcome: Outcome,
    /// Who else is told how it ended.
    pub on_end: OnEnd,
}

impl Exchange {
    /// An exchange that begins now, with a request that is still to be read.
    pub fn begin(log: &AccessLog, path: &str) -> Self {
        Self {
            log: log.clone(),
            path: path.to_owned(),
            head: Head::default(),
            began: Instant::now(),
            first_byte: None,
            request_bytes: 0,
            response_bytes: 0,
            chunks: 0,
            tail: Tail::default(),
            lane: None,
            script: None,
            cassette: None,
            fault: None,
            traceparent: None,
            status: None,
            outcome: Outcome::ClientGone,
            on_end: OnEnd::default(),
        }
    }

    /// The request is there, with so many bytes; times count from now.
    pub fn asked(&mut self, head: Head, bytes: usize) {
        self.head = head;
        self.request_bytes = bytes;
        self.began = Instant::now();
    }

    /// The model as the request names it.
    pub fn model(&self) -> &str {
        self.head.model.as_deref().unwrap_or_default()
    }

    /// Whether the request wants a stream.
    pub fn stream(&self) -> bool {
        self.head.stream.unwrap_or(false)
    }

    /// Whether the request wants a stream to tell what it cost.
    pub fn include_usage(&self) -> bool {
        let wished = self.head.stream_options.as_ref();
        wished
            .and_then(|wished| wished.include_usage)
            .unwrap_or(false)
    }

    /// This much of the answer arrived.
    pub fn chunk(&mut self, bytes: &[u8]) {
        self.first_byte.get_or_insert_with(Instant::now);
        self.response_bytes += bytes.len();
        self.chunks += 1;
        self.tail.push(bytes);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // Clients leave once they have read the mark of the end, often before the end itself.
        if self.outcome == Outcome::ClientGone && self.tail.is_done() {
            self.outcome = Outcome::Complete;
        }
        if let Some(tell) = self.on_end.0.take() {
            tell(self.outcome);
        }
        let now = chrono::Utc::now();
        let line = Line {
            time: now.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            path: &self.path,
            lane: self.lane,
            model: self.head.model.as_deref().map(short),
            script: self.script.as_deref().map(short),
            cassette: self.cassette.as_deref().map(short),
            fault: self.fault.as_deref(),
            traceparent: self.traceparent.as_deref().map(short),
            stream: self.stream(),
            status: self.status,
            outcome: self.outcome,
            first_byte_ms: self
                .first_byte
                .map(|first| (first - self.began).as_millis()),
            duration_ms: self.began.elapsed().as_millis(),
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            chunks: self.chunks,
            tokens: self.tail.tokens(),
        };
        self.log.write(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_shortened_in_its_line() {
        let name = "é".repeat(LONGEST / 2);
        assert_eq!(short(&name), name);
        assert_eq!(short(&format!("a{name}")).len(), LONGEST - 1);
    }
}
