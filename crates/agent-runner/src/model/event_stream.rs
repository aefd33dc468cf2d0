//! The bytes of an answer as events. Kept crates are stricter or softer than what models send: see
//! docs/models.md.

use memchr::memchr2;
use serde::de::IgnoredAny;

/// The longest event or body, in bytes: an answer of the longest text, each byte of it escaped.
pub(super) const MOST: usize = 6 * crate::transcript::size_limit::MOST;
/// How much is kept of lines that are no event.
const MOST_UNREAD: usize = 4096;
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A piece of the answer, or several in a row.
    Data(String),
    /// Why there is none: a field `error`, or the data of an event of that name.
    Error(String),
    /// What an event of another name carries: news beside the answer, or the answer all the same.
    Note(String),
    /// A body that is no event stream, but JSON.
    Whole(String),
}

/// More than [`MOST`] bytes without an end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// What the body turned out to be with its first sign.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Unknown,
    Events,
    Json,
}

/// How far a JSON text is from its last bracket.
#[derive(Default)]
struct Nesting {
    open: usize,
    quoted: bool,
    escaped: bool,
    /// The last bracket that was open has been closed.
    closed: bool,
}

impl Nesting {
    fn follow(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match (self.quoted, byte) {
                (true, _) if self.escaped => self.escaped = false,
                (true, b'\\') => self.escaped = true,
                (_, b'"') => self.quoted = !self.quoted,
                (false, b'{' | b'[') => self.open += 1,
                (false, b'}' | b']') => {
                    self.closed = self.open == 1;
                    self.open = self.open.saturating_sub(1);
                }
                _ => {}
            }
        }
    }
}

/// Reads an answer piece by piece, wherever it is cut into pieces.
#[derive(Default)]
pub(super) struct EventStream {
    kind: Kind,
    nesting: Nesting,
    /// The line, or the JSON, that is still coming.
    open: Vec<u8>,
    /// The last byte was a carriage return: a line feed after it ends no other line.
    returned: bool,
    name: String,
    data: Option<String>,
    events: Vec<Event>,
    unread: String,
}

impl EventStream {
    /// Takes the next bytes; the events that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLarge> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = match self.kind {
                Kind::Json => None,
                _ => memchr2(b'\n', b'\r', rest),
            };
            let (text, after) = rest.split_at(end.unwrap_or(rest.len()));
            let known = self.open.len();
            self.open.extend_from_slice(text);
            if self.kind == Kind::Unknown {
                self.kind = kind(&self.open, known);
            }
            if self.kind == Kind::Json {
                self.nesting.follow(text);
            }
            rest = after;
            if let Some((&end, after)) = after.split_first()
                && self.kind != Kind::Json
            {
                if !(end == b'\n' && self.returned && text.is_empty()) {
                    self.line();
                }
                self.returned = end == b'\r';
                rest = after;
            } else {
                self.returned = false;
            }
        }
        self.whole();
        let event = self.data.as_ref().map_or(0, String::len);
        match self.open.len() + event > MOST {
            true => Err(TooLarge),
            false => Ok(std::mem::take(&mut self.events)),
        }
    }

    /// A body is whole with its last bracket, though its connection may stay open. It is read when that has come, not with
    /// each bracket that might be the last.
    fn whole(&mut self) {
        if self.nesting.open > 0 || !std::mem::take(&mut self.nesting.closed) {
            return;
        }
        if serde_json::from_slice::<IgnoredAny>(&self.open).is_ok() {
            self.nesting = Nesting::default();
            let body = String::from_utf8_lossy(&std::mem::take(&mut self.open)).into_owned();
            self.events.push(Event::Whole(body));
        } else {
            self.nesting.open = usize::MAX / 2; // nothing that follows makes it sound
        }
    }

    /// The bytes have ended: what was not closed is an event all the same.
    pub(super) fn end(&mut self) -> Vec<Event> {
        // Blank is what stood after a whole one.
        if self.kind == Kind::Json && !self.open.trim_ascii().is_empty() {
            let body = String::from_utf8_lossy(&std::mem::take(&mut self.open)).into_owned();
            self.events.push(Event::Whole(body));
        }
        self.line();
        self.dispatch();
        std::mem::take(&mut self.events)
    }

    /// Lines that were no event, the first of them.
    pub(super) fn unread(&self) -> &str {
        &self.unread
    }

    fn line(&mut self) {
        let bytes = std::mem::take(&mut self.open);
        let text = String::from_utf8_lossy(&bytes);
        let line = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
        if line.trim().is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" | "id" | "retry" => {}
            "event" => value.clone_into(&mut self.name),
            "error" => self.events.push(Event::Error(value.to_owned())),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                none => *none = Some(value.to_owned()),
            },
            _ => {
                let line = line.to_owned();
                self.put_aside(&line);
            }
        }
    }

    /// Keeps what is no answer, to be shown where there is none.
    pub(super) fn put_aside(&mut self, words: &str) {
        if self.unread.len() < MOST_UNREAD {
            self.unread.push_str(words);
            self.unread.push('\n');
        }
    }

    fn dispatch(&mut self) {
        let name = std::mem::take(&mut self.name);
        if let Some(data) = self.data.take().filter(|data| !data.trim().is_empty()) {
            match name.as_str() {
                "error" => self.events.push(Event::Error(data)),
                "" | "message" if is_sign_of_life(&data) => {}
                "" | "message" => self.events.push(Event::Data(data)),
                // They say that somebody lives, which any byte does.
                "ping" | "heartbeat" | "keepalive" | "keep-alive" => {}
                _ => self.events.push(Event::Note(data)),
            }
        }
    }
}

/// Words that keep a connection open, where others send a comment.
fn is_sign_of_life(data: &str) -> bool {
    let word = data.trim_matches([':', '"', ' ']).to_lowercase();
    let named = ["ping", "pong", "heartbeat", "keepalive", "keep-alive"].contains(&word.as_str());
    named || data.parse::<f64>().is_ok()
}

/// JSON begins with a bracket, and no line of an event stream that means something does. The first `known` bytes gave no
/// sign: those beyond a byte order mark are not looked at again.
fn kind(open: &[u8], known: usize) -> Kind {
    let mark = BYTE_ORDER_MARK.as_bytes();
    if open.len() < mark.len() && mark.starts_with(open) {
        return Kind::Unknown;
    }
    let rest = match known > mark.len() {
        true => &open[known..],
        false => open.strip_prefix(mark).unwrap_or(open),
    };
    match rest.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Kind::Unknown,
        Some(b'{' | b'[') => Kind::Json,
        Some(_) => Kind::Events,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
