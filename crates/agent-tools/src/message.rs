//! The bytes of a message while they come: of one that is too long only what says whose answer it is.

use rmcp::model::ServerJsonRpcMessage;

use crate::wire::{self, Place};

/// Bytes of a message; a longer one is not kept.
pub(crate) const LONGEST_MESSAGE: usize = 16 << 20;

/// Of a longer one its first and its last bytes are kept, which say whose answer it is.
const ENDS: usize = 1 << 10;

/// What came of a message so far: a line of a child, the body of an answer, the data of an event.
#[derive(Default)]
pub(crate) struct Message {
    bytes: Vec<u8>,
    /// The last bytes of what was too long to be kept.
    tail: Option<Vec<u8>>,
}

impl Message {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if let Some(tail) = &mut self.tail {
            tail.extend_from_slice(bytes);
            let excess = tail.len().saturating_sub(ENDS);
            tail.drain(..excess);
        } else if self.bytes.len() + bytes.len() > LONGEST_MESSAGE {
            self.bytes.truncate(ENDS);
            self.bytes.shrink_to_fit();
            self.tail = Some(Vec::new());
            self.push(bytes);
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Its first bytes, as text: for an error, where it says nothing.
    pub(crate) fn beginning(&self) -> String {
        let bytes = &self.bytes[..self.bytes.len().min(ENDS)];
        String::from_utf8_lossy(bytes).trim().to_owned()
    }

    /// What it says; the next one begins.
    pub(crate) fn end(&mut self, place: Place, opened: bool) -> Vec<ServerJsonRpcMessage> {
        let Self { bytes, tail } = std::mem::take(self);
        match tail {
            None => wire::messages(&bytes, place, opened),
            Some(tail) => {
                let why = format!("it takes more than {} MiB", LONGEST_MESSAGE >> 20);
                wire::unreadable(&bytes, &tail, &why).into_iter().collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::JsonRpcMessage;

    use super::*;

    #[test]
    fn a_message_at_the_limit_is_read_and_a_longer_one_is_told_of() {
        for (more, read) in [(0, true), (1, false)] {
            let envelope = r#"{"jsonrpc":"2.0","id":1,"result":""}"#.len();
            let filler = "x".repeat(LONGEST_MESSAGE - 1 - envelope + more);
            let line = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"{filler}\"}}\n");
            let mut kept = Message::default();
            line.as_bytes()
                .chunks(8192)
                .for_each(|chunk| kept.push(chunk));
            assert_eq!(
                kept.bytes.len() + kept.tail.as_ref().map_or(0, Vec::len) > LONGEST_MESSAGE / 2,
                read
            );
            let messages = kept.end(Place::Line, true);
            assert_eq!(matches!(messages[..], [JsonRpcMessage::Response(_)]), read);
            assert_eq!(matches!(messages[..], [JsonRpcMessage::Error(_)]), !read);
        }
    }

    #[test]
    fn a_long_line_that_only_quotes_a_message_is_none() {
        let filler = "x".repeat(LONGEST_MESSAGE);
        let mut kept = Message::default();
        kept.push(format!("[DEBUG] {{\"id\":1,\"result\":\"{filler}\"}}").as_bytes());
        assert!(kept.end(Place::Line, true).is_empty());
    }
}
