//! A cassette as a file: readable, and the same bytes for the same exchanges.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{canon, readable::Readable};

/// The format that this gateway reads and writes.
pub(super) const FORMAT: u32 = 1;

/// A cassette.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cassette {
    /// The version of the format.
    pub format: u32,
    /// The model that was asked first.
    pub model: String,
    /// The day of the recording.
    pub recorded: String,
    /// What kind of model it was: `address`, `ollama`, `embedded`.
    pub upstream: String,
    /// The exchanges, in the order of their requests.
    pub entries: Vec<Entry>,
}

/// An exchange.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The key of `request`.
    pub key: String,
    /// The canonical request.
    pub request: Value,
    /// The answer's content type.
    pub content_type: String,
    /// What the answer says; for people, nobody reads it back.
    pub said: Readable,
    /// The answer as it came.
    pub chunks: Vec<Chunk>,
}

/// A piece of an answer: an event of a stream, or all of an object.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chunk {
    /// Milliseconds since the request.
    pub ms: u64,
    /// Its text.
    pub text: String,
}

impl Cassette {
    /// What is wrong with it.
    ///
    /// # Errors
    /// A sentence that says where.
    pub fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!(
                "this cassette has format {}, and the gateway reads {FORMAT}: {AGAIN}",
                self.format
            ));
        }
        for (index, entry) in self.entries.iter().enumerate() {
            let key = canon::key(&entry.request);
            if key != entry.key {
                return Err(format!(
                    "entry {index} has key {}, but its request has {key}; somebody changed it: {AGAIN}",
                    entry.key
                ));
            }
        }
        Ok(())
    }

    /// The text of a file with this head and these entries.
    pub(super) fn text<'a>(&self, entries: impl Iterator<Item = &'a Entry>) -> String {
        #[derive(Serialize)]
        struct File<'a> {
            format: u32,
            model: &'a str,
            recorded: &'a str,
            upstream: &'a str,
            entries: Vec<&'a Entry>,
        }
        let file = File {
            format: self.format,
            model: &self.model,
            recorded: &self.recorded,
            upstream: &self.upstream,
            entries: entries.collect(),
        };
        let mut text = serde_json::to_string_pretty(&file).unwrap_or_default(); // it has only strings for keys
        text.push('\n');
        text
    }
}

/// How a cassette gets right again.
pub(super) const AGAIN: &str = "record anew: `cargo xtask e2e phase2 --model record`";
