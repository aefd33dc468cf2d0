//! A piece of an answer, read from what servers of many dialects send. Null is as good as absent; what
//! could be words and is not understood is refused.

use serde_json::{Map, Value};

use super::{
    calls::CallDelta,
    error::{ApiError, excerpt},
    halves,
};

/// The objects of a text, one or several in a row, or a list of them. JSON that is wrong in one way only is mended.
pub(super) fn objects(text: &str) -> serde_json::Result<Vec<Value>> {
    let read = |text: &str| {
        let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        let lists = values.map(|value| {
            Ok(match value? {
                Value::Null => Vec::new(),
                Value::Array(objects) => objects,
                object => vec![object],
            })
        });
        let lists = lists.collect::<serde_json::Result<Vec<_>>>()?;
        Ok(lists.into_iter().flatten().collect())
    };
    let mended = || agent_tools::mended_json(text, halves::kept);
    read(text).or_else(|why| read(&mended()).map_err(|_| why))
}

/// What one object of an answer says.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) text: String,
    /// Bytes of what the model thought; nobody is shown them.
    pub(super) thoughts: usize,
    pub(super) calls: Vec<CallDelta>,
    pub(super) finish_reason: Option<String>,
    pub(super) usage: Option<Usage>,
    pub(super) model: Option<String>,
    /// Whether it is the answer as a whole, not a piece of it.
    pub(super) whole: bool,
    /// Whether nothing in it is known.
    pub(super) foreign: bool,
}

/// Tokens of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) input: u32,
    pub(crate) output: u32,
}

/// Why an object is no piece.
#[derive(Debug)]
pub(super) enum NoChunk {
    Error(ApiError),
    Garbage(String),
}

impl Chunk {
    /// `answer` is which of several answers is read: the first that is seen.
    pub(super) fn read(object: &Value, answer: &mut Option<u64>) -> Result<Self, NoChunk> {
        let Value::Object(object) = object else {
            return Err(garbage("no object", object));
        };
        let groq = object.get("x_groq").and_then(Value::as_object);
        let error = ApiError::of(object).or_else(|| ApiError::within(groq?));
        if let Some(error) = error {
            return Err(NoChunk::Error(error));
        }
        let mut chunk = Self {
            usage: usage(object).or_else(|| usage(groq?)),
            model: text(object, "model"),
            ..Self::default()
        };
        let choices = match object.get("choices") {
            None | Some(Value::Null) => {
                chunk.foreign = chunk.usage.is_none();
                return Ok(chunk);
            }
            Some(Value::Array(choices)) => &choices[..],
            Some(choice @ Value::Object(_)) => std::slice::from_ref(choice),
            Some(other) => return Err(garbage("choices are no list", other)),
        };
        // One answer is asked for; pieces of others would be mixed into it.
        for choice in choices.iter().filter_map(Value::as_object) {
            let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
            if *answer.get_or_insert(index) == index {
                chunk.choice(choice)?;
            }
        }
        Ok(chunk)
    }

    fn choice(&mut self, choice: &Map<String, Value>) -> Result<(), NoChunk> {
        if let Some(error) = ApiError::within(choice) {
            return Err(NoChunk::Error(error));
        }
        if let Some(reason) = text(choice, "finish_reason") {
            self.finish_reason = Some(reason);
        }
        let delta = choice.get("delta").and_then(Value::as_object);
        let message = choice.get("message").and_then(Value::as_object);
        let said = match (delta, message) {
            (Some(delta), None) => delta,
            (Some(delta), Some(_)) if says_something(delta) => delta,
            (_, Some(message)) => {
                self.whole = true;
                message
            }
            // As answers were before there were messages.
            (None, None) => return self.content(choice.get("text")),
        };
        self.content(said.get("content"))?;
        if let Some(refusal) = text(said, "refusal") {
            self.text.push_str(&refusal);
        }
        for name in ["reasoning_content", "reasoning", "thinking"] {
            self.thoughts += said.get(name).map_or(0, length);
        }
        match said.get("tool_calls") {
            Some(Value::Array(calls)) if !calls.is_empty() => {
                self.calls.extend(calls.iter().filter_map(CallDelta::read))
            }
            Some(call @ Value::Object(_)) => self.calls.extend(CallDelta::read(call)),
            // The oldest dialect knows one call. Some say it in both.
            _ => {
                let old = said.get("function_call").filter(|call| call.is_object());
                self.calls.extend(old.and_then(CallDelta::read));
            }
        }
        Ok(())
    }

    fn content(&mut self, content: Option<&Value>) -> Result<(), NoChunk> {
        match content {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => self.text.push_str(text),
            Some(Value::Array(parts)) => {
                for part in parts {
                    self.part(part)?;
                }
            }
            Some(part @ Value::Object(_)) => self.part(part)?,
            Some(other) => return Err(garbage("the content is no text", other)),
        }
        Ok(())
    }

    /// A part of a content: text, or something else beside it.
    fn part(&mut self, part: &Value) -> Result<(), NoChunk> {
        let kind = part.get("type").and_then(Value::as_str).unwrap_or("text");
        match (part, kind, part.get("text"), part.get("refusal")) {
            (Value::Null, ..) => {}
            (Value::String(text), ..)
            | (_, "text" | "output_text", Some(Value::String(text)), _)
            | (_, "refusal", _, Some(Value::String(text))) => self.text.push_str(text),
            (_, "text" | "output_text" | "refusal", ..) => {
                return Err(garbage("a part of the content is no text", part));
            }
            (_, "thinking" | "reasoning", ..) => self.thoughts += length(part),
            // Pictures, references: no words.
            _ => {}
        }
        Ok(())
    }
}

fn garbage(why: &str, what: &Value) -> NoChunk {
    NoChunk::Garbage(format!("{why}: {}", excerpt(&what.to_string())))
}

/// Whether there is more in it than who speaks.
fn says_something(delta: &Map<String, Value>) -> bool {
    let something = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    };
    delta
        .iter()
        .any(|(name, value)| name != "role" && something(value))
}

/// A text that is there and not empty.
fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    let text = object.get(name)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn length(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::String(text) => text.len(),
        other => other.to_string().len(),
    }
}

fn usage(object: &Map<String, Value>) -> Option<Usage> {
    let usage = object.get("usage")?.as_object()?;
    let count = |name: &str| {
        let count = usage.get(name).and_then(Value::as_f64).unwrap_or(0.0);
        count.clamp(0.0, f64::from(u32::MAX)) as u32
    };
    let details = usage
        .get("prompt_tokens_details")
        .and_then(|it| it.get("cached_tokens"));
    let cached = details.and_then(Value::as_f64).unwrap_or(0.0);
    let cached = cached.clamp(0.0, f64::from(u32::MAX)) as u32;
    let cached = cached.max(count("cache_read_input_tokens"));
    let cached = cached.saturating_add(count("cache_creation_input_tokens"));
    let prompt = count("prompt_tokens");
    let usage = Usage {
        // Where more was cached than there is, some servers do not count it in.
        input: match cached > prompt {
            true => prompt.saturating_add(cached),
            false => prompt,
        },
        output: count("completion_tokens"),
    };
    (usage != Usage::default()).then_some(usage)
}
