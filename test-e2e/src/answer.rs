//! What a test lets the model answer.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

/// An answer of a [`Script`](crate::Script).
#[derive(Clone, Debug, Default)]
pub struct Answer {
    fields: Map<String, Value>,
    /// The fields of an answer that goes out as it stands.
    raw: Option<Map<String, Value>>,
}

impl Answer {
    fn set(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    fn list(mut self, field: &str, value: Value) -> Self {
        let list = self.body_fields().entry(field).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(value);
        }
        self
    }

    /// What pieces, headers and an end belong to.
    fn body_fields(&mut self) -> &mut Map<String, Value> {
        self.raw.as_mut().unwrap_or(&mut self.fields)
    }

    fn end(mut self, how: &str) -> Self {
        self.body_fields().insert("end".to_owned(), how.into());
        self
    }

    fn when(mut self, condition: &str, value: impl Into<Value>) -> Self {
        let when = self.fields.entry("when").or_insert_with(|| json!({}));
        when[condition] = value.into();
        self
    }

    /// It says `text`, all at once.
    pub fn text(text: impl Into<String>) -> Self {
        Self::default().set("text", text.into())
    }

    /// It says `pieces`, one by one.
    pub fn pieces<S: AsRef<str>>(pieces: impl IntoIterator<Item = S>) -> Self {
        let none = Self::default().set("pieces", json!([]));
        pieces
            .into_iter()
            .fold(none, |answer, piece| answer.then(piece.as_ref()))
    }

    /// One more piece.
    pub fn then(self, piece: &str) -> Self {
        self.list("pieces", piece.into())
    }

    /// One more piece, after `ms` milliseconds.
    pub fn then_after(self, ms: u64, piece: &str) -> Self {
        self.list("pieces", json!({ "text": piece, "delay_ms": ms }))
    }

    /// Silence from here until [`Script::release`](crate::Script::release).
    pub fn hold(self) -> Self {
        self.list("pieces", json!({ "hold": true }))
    }

    /// It calls a tool.
    pub fn tool(name: &str, arguments: Value) -> Self {
        Self::tools([(name, arguments)])
    }

    /// It calls a tool, with arguments that may be anything.
    pub fn tool_raw(name: &str, arguments: &str) -> Self {
        Self::tools([(name, Value::from(arguments))])
    }

    /// It calls several tools at once.
    pub fn tools<S: AsRef<str>>(calls: impl IntoIterator<Item = (S, Value)>) -> Self {
        let mut answer = Self::default();
        for (name, arguments) in calls {
            let call = json!({ "name": name.as_ref(), "arguments": arguments });
            answer = answer.list("tools", call);
        }
        answer
    }

    /// And says `text` before it calls.
    pub fn saying(self, text: &str) -> Self {
        self.set("text", text)
    }

    /// It says `pieces` as they stand, one by one: any bytes, and nothing is put around them. The status is 200 and there
    /// is no content type where none is given.
    pub fn raw<B: AsRef<[u8]>>(pieces: impl IntoIterator<Item = B>) -> Self {
        let none = Self {
            raw: Some(Map::from_iter([("pieces".to_owned(), json!([]))])),
            ..Self::default()
        };
        pieces
            .into_iter()
            .fold(none, |answer, piece| answer.then_bytes(piece))
    }

    /// It is a raw event stream, of one event for each of `data`: what a model of another dialect says. No mark of the
    /// end follows.
    pub fn raw_events<S: AsRef<str>>(data: impl IntoIterator<Item = S>) -> Self {
        let events = data.into_iter();
        Self::raw(events.map(|data| format!("data: {}\n\n", data.as_ref())))
            .header("content-type", "text/event-stream")
    }

    /// One more piece of a raw answer.
    pub fn then_bytes(self, piece: impl AsRef<[u8]>) -> Self {
        let piece = piece.as_ref();
        let piece = match std::str::from_utf8(piece) {
            Ok(text) => text.into(),
            Err(_) => json!({ "base64": BASE64_STANDARD.encode(piece) }),
        };
        self.list("pieces", piece)
    }

    /// A raw answer's status.
    pub fn raw_status(mut self, status: u16) -> Self {
        self.body_fields()
            .insert("status".to_owned(), status.into());
        self
    }

    /// A raw answer's connection is reset after its last piece.
    pub fn cut(self) -> Self {
        self.end("cut")
    }

    /// A raw answer's connection is closed after its last piece, without the mark of the body's end.
    pub fn close(self) -> Self {
        self.end("close")
    }

    /// A raw answer has no end: its connection stays until the client leaves.
    pub fn open(self) -> Self {
        self.end("open")
    }

    /// It is no answer but an error with this status.
    pub fn status(status: u16) -> Self {
        Self::default().set("status", status)
    }

    /// A header of the error, or of a raw answer.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let headers = self.body_fields().entry("headers");
        let headers = headers.or_insert_with(|| json!({}));
        headers[name] = value.into();
        self
    }

    /// The body of the error.
    pub fn body(self, body: impl Into<Value>) -> Self {
        self.set("body", body)
    }

    /// The model says something that is no JSON, in the middle of its words.
    pub fn garbage() -> Self {
        Self::pieces(["gar", "bage"]).set("garbage", true)
    }

    /// The model never answers.
    pub fn never() -> Self {
        Self::default().set("never", true)
    }

    /// The connection is reset after so many pieces.
    pub fn cut_after(self, pieces: usize) -> Self {
        self.set("cut_after_pieces", pieces)
    }

    /// Nothing for so many milliseconds at first.
    pub fn delay(self, ms: u64) -> Self {
        self.set("delay_ms", ms)
    }

    /// What the answer costs, as the model tells it.
    pub fn usage(self, prompt: u64, completion: u64) -> Self {
        let usage = json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        });
        self.set("usage", usage)
    }

    /// Why the answer ends; without it `stop`, or `tool_calls`.
    pub fn finish_reason(self, reason: &str) -> Self {
        self.set("finish_reason", reason)
    }

    /// Only for a request with `text` in its system message.
    pub fn when_system(self, text: &str) -> Self {
        self.when("system_contains", text)
    }

    /// Only for a request with `text` in its last message.
    pub fn when_last(self, text: &str) -> Self {
        self.when("last_contains", text)
    }

    /// Only for a request whose last message is by `role`.
    pub fn when_last_role(self, role: &str) -> Self {
        self.when("last_role", role)
    }

    /// Only for a request that offers the tool `name`.
    pub fn when_tool(self, name: &str) -> Self {
        self.when("has_tool", name)
    }

    /// Only where the model speaks for the `turn`-th time in its conversation; its first is 1.
    pub fn when_turn(self, turn: usize) -> Self {
        self.when("turn", turn)
    }

    pub(crate) fn value(&self) -> Value {
        let mut fields = self.fields.clone();
        fields.extend(self.raw.clone().map(|raw| ("raw".to_owned(), raw.into())));
        Value::Object(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_answer_has_its_pieces_status_headers_and_end() {
        let answer = Answer::raw([b"a".as_slice(), b"\xff"])
            .then_after(5, "b")
            .hold()
            .raw_status(418)
            .header("content-type", "x/y")
            .close()
            .delay(7)
            .when_turn(2);
        let expected = json!({
            "raw": {
                "pieces": ["a", { "base64": "/w==" }, { "text": "b", "delay_ms": 5 }, { "hold": true }],
                "status": 418,
                "headers": { "content-type": "x/y" },
                "end": "close",
            },
            "delay_ms": 7,
            "when": { "turn": 2 },
        });
        assert_eq!(answer.value(), expected);
        let events = Answer::raw_events(["{}", "[DONE]"]).value();
        assert_eq!(events["raw"]["pieces"][1], "data: [DONE]\n\n");
    }
}
