//! One JSON line per exchange: what was asked of which model and how it went. Never a key, never the words.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anyhow::Context;
use serde::Serialize;

/// Where the lines go; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Exchanges(Sink);

#[derive(Clone, Debug, Default)]
enum Sink {
    #[default]
    Nowhere,
    Output,
    File(Arc<Mutex<File>>),
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The whole answer was passed on.
    Complete,
    /// The client left before the end.
    ClientGone,
    /// The model could not be reached.
    Unreachable,
    /// The model broke off its answer.
    BrokeOff,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    path: &'a str,
    model: Option<&'a str>,
    stream: bool,
    status: Option<u16>,
    outcome: Outcome,
    first_byte_ms: Option<u128>,
    duration_ms: u128,
    request_bytes: usize,
    response_bytes: usize,
    chunks: usize,
}

impl Exchanges {
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

/// An exchange on its way; its line is written when this is dropped, however it ends.
#[derive(Debug)]
pub struct Exchange {
    exchanges: Exchanges,
    path: String,
    model: Option<String>,
    stream: bool,
    began: Instant,
    first_byte: Option<Instant>,
    request_bytes: usize,
    response_bytes: usize,
    chunks: usize,
    /// The model's status.
    pub status: Option<u16>,
    /// How it ended; a client that leaves drops this before anybody says otherwise.
    pub outcome: Outcome,
}

impl Exchange {
    /// An exchange that begins now. Names the model where the request does.
    pub fn begin(exchanges: &Exchanges, path: &str, request: &[u8]) -> Self {
        let asked: serde_json::Value = serde_json::from_slice(request).unwrap_or_default();
        Self {
            exchanges: exchanges.clone(),
            path: path.to_owned(),
            model: asked["model"].as_str().map(str::to_owned),
            stream: asked["stream"].as_bool().unwrap_or(false),
            began: Instant::now(),
            first_byte: None,
            request_bytes: request.len(),
            response_bytes: 0,
            chunks: 0,
            status: None,
            outcome: Outcome::ClientGone,
        }
    }

    /// So much of the answer arrived.
    pub fn chunk(&mut self, bytes: usize) {
        self.first_byte.get_or_insert_with(Instant::now);
        self.response_bytes += bytes;
        self.chunks += 1;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let now = chrono::Utc::now();
        let line = Line {
            time: now.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            path: &self.path,
            model: self.model.as_deref(),
            stream: self.stream,
            status: self.status,
            outcome: self.outcome,
            first_byte_ms: self
                .first_byte
                .map(|first| (first - self.began).as_millis()),
            duration_ms: self.began.elapsed().as_millis(),
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            chunks: self.chunks,
        };
        self.exchanges.write(&line);
    }
}
