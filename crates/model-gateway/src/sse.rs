//! Server-sent events as bytes: where one ends. The texts themselves are left as they are.

use std::mem;

/// Cuts a stream of bytes into whole events, their blank lines with them. Each byte is looked at once.
#[derive(Debug, Default)]
pub struct Events {
    held: Vec<u8>,
    /// What the line that is under way has so far.
    line: Line,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Line {
    /// Anything; the event's beginning too, so that a blank line alone is not yet its end.
    #[default]
    Words,
    /// Nothing after a line's end: another is the event's.
    Empty,
    /// A carriage return alone.
    Return,
}

impl Events {
    /// The events that `bytes` complete.
    pub fn push(&mut self, mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut events = Vec::new();
        while let Some(end) = self.end(bytes) {
            let (event, rest) = bytes.split_at(end);
            self.held.extend_from_slice(event);
            events.push(mem::take(&mut self.held));
            bytes = rest;
        }
        self.held.extend_from_slice(bytes);
        events
    }

    /// How many bytes wait for their event's end.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// What came after the last whole event.
    pub fn rest(&mut self) -> Option<Vec<u8>> {
        self.line = Line::Words;
        Some(mem::take(&mut self.held)).filter(|rest| !rest.is_empty())
    }

    /// Where in `bytes` the event ends that is under way.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, byte) in bytes.iter().enumerate() {
            self.line = match (byte, self.line) {
                (b'\n', Line::Empty | Line::Return) => {
                    self.line = Line::Words;
                    return Some(at + 1);
                }
                (b'\n', _) => Line::Empty,
                (b'\r', Line::Empty) => Line::Return,
                _ => Line::Words,
            };
        }
        None
    }
}

/// What an event says: its `data`, lines joined.
pub fn data(event: &str) -> Option<String> {
    // A stream may begin with a byte order mark.
    let event = event.strip_prefix('\u{feff}').unwrap_or(event);
    let lines = event.lines().filter_map(|line| line.strip_prefix("data:"));
    let lines: Vec<&str> = lines
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_end_wherever_the_bytes_were_cut() {
        let text = b"data: a\n\ndata: b\r\n\r\n: note\n\n\n\nevent: \r\ndata: d\n\r\ndata: c";
        for size in 1..text.len() {
            let mut events = Events::default();
            let pieces = text.chunks(size).flat_map(|piece| events.push(piece));
            let mut pieces: Vec<_> = pieces.collect();
            pieces.extend(events.rest());
            let expected = [
                "data: a\n\n",
                "data: b\r\n\r\n",
                ": note\n\n",
                "\n\n",
                "event: \r\ndata: d\n\r\n",
                "data: c",
            ];
            let expected: Vec<_> = expected.map(|e| e.as_bytes().to_vec()).into();
            assert_eq!(pieces, expected, "{size}");
        }
    }

    #[test]
    fn data_is_what_stands_after_the_colon() {
        assert_eq!(
            data("event: x\ndata: {\"a\"\ndata::1}\n\n").unwrap(),
            "{\"a\"\n:1}"
        );
        assert_eq!(data(": ping\n\n"), None);
    }

    proptest::proptest! {
        /// However a stream is cut, its events are the same, and together they are the stream.
        #[test]
        fn nothing_is_lost_wherever_it_is_cut(
            text in "[\\n\\rd: \u{feff}]{0,60}",
            size in 1_usize..10,
        ) {
            let all = |size: usize| {
                let mut events = Events::default();
                let mut all: Vec<_> = text.as_bytes().chunks(size).flat_map(|piece| events.push(piece)).collect();
                all.extend(events.rest());
                all
            };
            let cut = all(size);
            assert_eq!(cut.concat(), text.as_bytes());
            assert_eq!(cut, all(text.len().max(1)));
            let _ = data(&text);
        }
    }
}
