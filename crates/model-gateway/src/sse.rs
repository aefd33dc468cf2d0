//! Server-sent events as bytes: where one ends. The texts themselves are left as they are.

use std::mem;

/// Cuts a stream of bytes into whole events, their blank lines with them.
#[derive(Debug, Default)]
pub struct Events {
    held: Vec<u8>,
    /// Where the search goes on; what is before has no end in it.
    searched: usize,
}

impl Events {
    /// The events that `bytes` complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.held.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.end() {
            let rest = self.held.split_off(end);
            events.push(mem::replace(&mut self.held, rest));
            self.searched = 0;
        }
        // An end may begin in what is held.
        self.searched = self.held.len().saturating_sub(3);
        events
    }

    /// What came after the last whole event.
    pub fn rest(&mut self) -> Option<Vec<u8>> {
        self.searched = 0;
        Some(mem::take(&mut self.held)).filter(|rest| !rest.is_empty())
    }

    fn end(&self) -> Option<usize> {
        let from = self.searched;
        (from..self.held.len()).find_map(|at| {
            let here = &self.held[at..];
            let blank = [b"\n\n".as_slice(), b"\r\n\r\n"];
            let blank = blank.into_iter().find(|blank| here.starts_with(blank))?;
            Some(at + blank.len())
        })
    }
}

/// What an event says: its `data`, lines joined.
pub fn data(event: &str) -> Option<String> {
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
        let text = b"data: a\n\ndata: b\r\n\r\n: note\n\ndata: c";
        for size in 1..text.len() {
            let mut events = Events::default();
            let pieces = text.chunks(size).flat_map(|piece| events.push(piece));
            let mut pieces: Vec<_> = pieces.collect();
            pieces.extend(events.rest());
            let expected = ["data: a\n\n", "data: b\r\n\r\n", ": note\n\n", "data: c"];
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
}
