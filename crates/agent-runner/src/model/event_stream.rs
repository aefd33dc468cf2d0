//! The bytes of an answer as events. Kept crates are stricter or softer than what models send: see
//! docs/models.md.

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

/// Reads an answer piece by piece, wherever it is cut into pieces.
#[derive(Default)]
pub(super) struct EventStream {
    kind: Kind,
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
        for &byte in bytes {
            match byte {
                _ if self.kind == Kind::Json => self.open.push(byte),
                b'\n' if self.returned => {}
                b'\n' | b'\r' => self.line(),
                _ => self.open.push(byte),
            }
            self.returned = byte == b'\r';
            if self.kind == Kind::Unknown {
                self.kind = kind(&self.open);
            }
        }
        self.whole();
        let event = self.data.as_ref().map_or(0, String::len);
        match self.open.len() + event > MOST {
            true => Err(TooLarge),
            false => Ok(std::mem::take(&mut self.events)),
        }
    }

    /// A body is whole with its last bracket, though its connection may stay open.
    fn whole(&mut self) {
        let ends = self.kind == Kind::Json && matches!(self.open.last(), Some(b'}' | b']'));
        if ends && serde_json::from_slice::<IgnoredAny>(&self.open).is_ok() {
            let body = String::from_utf8_lossy(&std::mem::take(&mut self.open)).into_owned();
            self.events.push(Event::Whole(body));
        }
    }

    /// The bytes have ended: what was not closed is an event all the same.
    pub(super) fn end(&mut self) -> Vec<Event> {
        if self.kind == Kind::Json {
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
                "" | "message" => self.events.push(Event::Data(data)),
                // They say that somebody lives, which any byte does.
                "ping" | "heartbeat" | "keepalive" | "keep-alive" => {}
                _ => self.events.push(Event::Note(data)),
            }
        }
    }
}

/// JSON begins with a bracket, and no line of an event stream that means something does.
fn kind(open: &[u8]) -> Kind {
    let mark = BYTE_ORDER_MARK.as_bytes();
    if open.len() < mark.len() && mark.starts_with(open) {
        return Kind::Unknown;
    }
    let rest = open.strip_prefix(mark).unwrap_or(open);
    match rest.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Kind::Unknown,
        Some(b'{' | b'[') => Kind::Json,
        Some(_) => Kind::Events,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> (Vec<Event>, String) {
        let mut stream = EventStream::default();
        let mut events = Vec::new();
        for piece in pieces {
            events.extend(stream.push(piece).unwrap());
        }
        events.extend(stream.end());
        (events, stream.unread().to_owned())
    }

    fn data(text: &str) -> Event {
        Event::Data(text.to_owned())
    }

    #[test]
    fn events_are_read_as_servers_write_them() {
        let cases: [(&str, Vec<Event>); 11] = [
            ("data: a\n\ndata:b\n\n", vec![data("a"), data("b")]),
            (
                "data: a\r\n\r\ndata: b\r\rdata: c\n\n",
                vec![data("a"), data("b"), data("c")],
            ),
            ("\u{feff}data: a\n\n", vec![data("a")]),
            (": waiting\n\n:\n\ndata: a\n\n", vec![data("a")]),
            (
                "id: 1\nevent: message\nretry: 3\ndata: a\n\n",
                vec![data("a")],
            ),
            ("data: a\ndata: b\n\n", vec![data("a\nb")]),
            ("data: a", vec![data("a")]),
            ("data\n\ndata:\n\n", vec![]),
            ("error: no\n\n", vec![Event::Error("no".to_owned())]),
            (
                "event: error\ndata: no\n\ndata: a\n\n",
                vec![Event::Error("no".to_owned()), data("a")],
            ),
            (
                "\n\n {\"a\":\n1}\n",
                vec![Event::Whole("{\"a\":\n1}".to_owned())],
            ),
        ];
        for (body, expected) in cases {
            let (events, _) = read(&[body.as_bytes()]);
            let trimmed: Vec<Event> = events
                .into_iter()
                .map(|event| match event {
                    Event::Whole(body) => Event::Whole(body.trim().to_owned()),
                    other => other,
                })
                .collect();
            assert_eq!(trimmed, expected, "{body:?}");
        }
    }

    #[test]
    fn a_mark_may_come_in_pieces() {
        let body = "\u{feff}{\"a\":1}";
        for at in 1..=4 {
            let (first, rest) = body.as_bytes().split_at(at);
            let whole = vec![Event::Whole(body.to_owned())];
            assert_eq!(read(&[first, rest]).0, whole, "{at}");
        }
    }

    #[test]
    fn lines_that_are_no_event_are_kept_to_be_shown() {
        let (events, unread) = read(&[b"<html>\n<body>Bad gateway\n"]);
        assert_eq!(
            (events, unread.as_str()),
            (vec![], "<html>\n<body>Bad gateway\n")
        );
    }

    #[test]
    fn what_does_not_end_is_refused() {
        let mut stream = EventStream::default();
        assert!(stream.push(&vec![b'x'; MOST]).is_ok());
        assert_eq!(stream.push(b"x"), Err(TooLarge));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_the_bytes_are_cut(
            lines in prop::collection::vec("(data|error|event|id|:|\u{feff}|[{<x])?(: ?)?[ä\\[\"a ]{0,4}(\n|\r|\r\n)", 0..8),
            cuts in prop::collection::vec(0..64_usize, 0..6),
        ) {
            let body = lines.concat().into_bytes();
            let mut ends: Vec<usize> = cuts.into_iter().map(|c| c.min(body.len())).collect();
            ends.sort_unstable();
            ends.push(body.len());
            let mut from = 0;
            let mut pieces = Vec::new();
            for end in ends {
                pieces.push(&body[from..end]);
                from = end;
            }
            prop_assert_eq!(read(&pieces), read(&[&body]));
        }

        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read(&[&bytes]);
        }
    }
}
