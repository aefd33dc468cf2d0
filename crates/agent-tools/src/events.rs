//! Server-sent events, read as leniently as lines: what is no message is passed over, and the last one needs no end.

use rmcp::model::ServerJsonRpcMessage;

use crate::{message::Message, wire::Place};

/// Bytes of a field's name that are looked at; the known ones are short.
const LONGEST_NAME: usize = 16;

/// Bytes of an event's id or of its wait before a reconnection; a longer one is none.
const LONGEST_VALUE: usize = 1 << 10;

/// What an event says: its messages, and how its stream is taken up again after a break.
#[derive(Debug, Default)]
pub(crate) struct Event {
    pub(crate) messages: Vec<ServerJsonRpcMessage>,
    pub(crate) id: Option<String>,
    /// Milliseconds to wait before the stream is asked for again.
    pub(crate) retry: Option<u64>,
    /// The address that an `endpoint` names: see [`crate::legacy_http`].
    pub(crate) endpoint: Option<String>,
}

/// Events as their bytes come.
#[derive(Default)]
pub(crate) struct Events {
    /// Whether the handshake is over: see [`crate::wire::messages`].
    opened: bool,
    /// A line feed right behind a carriage return ends no further line.
    after_return: bool,
    name: Vec<u8>,
    /// Behind the colon; none before it.
    value: Option<Vec<u8>>,
    data: Option<Message>,
    is_endpoint: bool,
    event: Event,
}

impl Events {
    pub(crate) fn new(opened: bool) -> Self {
        Self {
            opened,
            ..Self::default()
        }
    }

    /// The handshake is over.
    pub(crate) fn opened(&mut self) {
        self.opened = true;
    }

    /// The events that end in these bytes.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = memchr::memchr2(b'\r', b'\n', bytes);
            self.part(&bytes[..end.unwrap_or(bytes.len())]);
            let Some(end) = end else { break };
            self.after_return = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            events.extend(self.line_ends());
        }
        events
    }

    /// The last event, where no empty line came behind it.
    pub(crate) fn end(&mut self) -> Option<Event> {
        let last = self.line_ends();
        last.or_else(|| self.event_ends())
    }

    /// Takes in a part of a line.
    fn part(&mut self, part: &[u8]) {
        let mut part = part;
        if self.value.is_none() {
            let colon = memchr::memchr(b':', part);
            let name = &part[..colon.unwrap_or(part.len())];
            let room = LONGEST_NAME.saturating_sub(self.name.len());
            self.name.extend(&name[..name.len().min(room)]);
            let Some(colon) = colon else { return };
            part = &part[colon + 1..];
            self.value = Some(Vec::new());
            if self.is("data") {
                self.begin_data();
            }
        }
        let is_data = self.is("data");
        let known = is_data || ["id", "retry", "event"].iter().any(|name| self.is(name));
        let Some(value) = self.value.as_mut().filter(|_| known) else {
            return;
        };
        if value.is_empty() && !part.is_empty() {
            // One space may stand behind the colon, and stays as a sign that it was looked for.
            value.push(b' ');
            part = part.strip_prefix(b" ").unwrap_or(part);
        }
        if is_data {
            if let Some(data) = &mut self.data {
                data.push(part);
            }
        } else {
            let room = (LONGEST_VALUE + 2).saturating_sub(value.len());
            value.extend(&part[..part.len().min(room)]);
        }
    }

    /// The name of the line's field: the first one may have a byte order mark.
    fn name(&self) -> &[u8] {
        let name = self.name.as_slice();
        name.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(name)
    }

    fn is(&self, name: &str) -> bool {
        self.name() == name.as_bytes()
    }

    /// Lines of data are lines of one text.
    fn begin_data(&mut self) {
        match &mut self.data {
            Some(data) => data.push(b"\n"),
            none => *none = Some(Message::default()),
        }
    }

    /// Takes in a line; an empty one ends an event.
    fn line_ends(&mut self) -> Option<Event> {
        let value = self.value.take();
        if value.is_none() && self.name.is_empty() {
            return self.event_ends();
        }
        if let Some(value) = value {
            let text = std::str::from_utf8(&value).unwrap_or_default();
            let text = text.strip_prefix(' ').unwrap_or_default();
            let text = Some(text).filter(|text| (1..=LONGEST_VALUE).contains(&text.len()));
            match self.name() {
                b"id" => self.event.id = text.map(str::to_owned),
                b"retry" => self.event.retry = text.and_then(|text| text.parse().ok()),
                b"event" => self.is_endpoint = text == Some("endpoint"),
                _ => {}
            }
        }
        self.name.clear();
        None
    }

    fn event_ends(&mut self) -> Option<Event> {
        let mut event = std::mem::take(&mut self.event);
        let is_endpoint = std::mem::take(&mut self.is_endpoint);
        if let Some(mut data) = self.data.take() {
            // The beginning of a longer one is none.
            let endpoint = is_endpoint.then(|| data.beginning());
            event.endpoint = endpoint.filter(|it| it.len() < LONGEST_VALUE);
            event.messages = data.end(Place::Http, self.opened);
        }
        let told = event.id.is_some() || event.retry.is_some() || event.endpoint.is_some();
        let says = told || !event.messages.is_empty();
        says.then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// What is read of a whole stream that comes in parts of this size.
    fn read(stream: &[u8], size: usize) -> Vec<serde_json::Value> {
        let mut events = Events::new(true);
        let mut all: Vec<Event> = stream
            .chunks(size)
            .flat_map(|part| events.push(part))
            .collect();
        all.extend(events.end());
        let shown = |event: Event| json!([event.messages, event.id, event.retry]);
        let others = all.into_iter().filter(|event| event.endpoint.is_none());
        others.map(shown).collect()
    }

    fn answer(id: u32) -> serde_json::Value {
        json!({"jsonrpc": "2.0", "id": id, "result": 1})
    }

    #[test]
    fn events_are_read_however_they_are_written() {
        let one = [json!([[answer(1)], null, null])];
        for stream in [
            "data: {\"id\":1,\"result\":1}\n\n",
            "data:{\"id\":1,\"result\":1}\r\n\r\n",
            "data: {\"id\":1,\rdata: \"result\":1}\r\r",
            "\u{feff}data: {\"id\":1,\"result\":1}",
            ": a word\n\nevent: ping\ndata: {}\n\ndata: hello\n\nevent: endpoint\ndata: /x\n\nevent: message\n\
             data: {\"id\":1,\"result\":1}\n",
            "data\nnonsense\ndatabase: x\na-name-that-is-longer-than-any: y\ndata: {\"id\":1,\"result\":1}\n\n",
        ] {
            for size in [1, 2, 3, 1000] {
                assert_eq!(read(stream.as_bytes(), size), one, "{stream}");
            }
        }
    }

    #[test]
    fn an_endpoint_is_the_data_of_an_event_of_that_name() {
        for (stream, endpoint) in [
            ("event: endpoint\ndata: /x?a=1\n\n", Some("/x?a=1")),
            ("data:/x\r\nevent:endpoint\r\n\r\n", Some("/x")),
            ("event: endpoint\n\ndata: /x\n\n", None),
            ("event: endpoints\ndata: /x\n\n", None),
            ("data: /x\n\n", None),
        ] {
            for size in [1, 1000] {
                let mut events = Events::new(false);
                let parts = stream.as_bytes().chunks(size);
                let mut named = parts.flat_map(|part| events.push(part));
                let named = named.find_map(|event| event.endpoint);
                assert_eq!(named.as_deref(), endpoint, "{stream}");
            }
        }
        for (length, taken) in [(LONGEST_VALUE - 1, true), (LONGEST_VALUE, false)] {
            let stream = format!("event: endpoint\ndata: {}\n\n", "x".repeat(length));
            let events = Events::new(false).push(stream.as_bytes());
            assert_eq!(events.iter().any(|it| it.endpoint.is_some()), taken);
        }
    }

    #[test]
    fn ids_and_waits_are_read_up_to_a_length() {
        let stream = "id: a:b\nretry: 20\ndata: \n\nid: c\ndata: [{\"id\":1,\"result\":1},{\"id\":2,\"result\":1}]\n\n";
        let expected = [
            json!([[], "a:b", 20]),
            json!([[answer(1), answer(2)], "c", null]),
        ];
        assert_eq!(read(stream.as_bytes(), 1), expected);
        assert_eq!(read(stream.as_bytes(), 1000), expected);
        for (length, kept) in [(LONGEST_VALUE, 1), (LONGEST_VALUE + 1, 0)] {
            let stream = format!("id: {}\n\n", "x".repeat(length));
            assert_eq!(read(stream.as_bytes(), 100).len(), kept);
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_before_it_an_answer_is_heard(noise in proptest::collection::vec(any::<u8>(), 0..300), size in 1_usize..50) {
            let stream = [noise.as_slice(), b"\n\ndata: {\"id\":7,\"result\":1}\n\n"].concat();
            let read = read(&stream, size);
            let last = read.last().map(|event| event[0].clone());
            prop_assert_eq!(last, Some(json!([answer(7)])));
        }
    }
}
