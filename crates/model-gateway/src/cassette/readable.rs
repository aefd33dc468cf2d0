//! What an answer says, put together from its pieces.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sse;

/// What an answer says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Readable {
    /// Its words.
    pub text: String,
    /// Its tool calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Call>,
    /// Why it ends.
    pub finish_reason: Option<String>,
}

/// A tool call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The tool.
    pub name: String,
    /// Its arguments as they were said.
    pub arguments: String,
}

impl Readable {
    /// Puts together what the chunks say: events, or one object.
    pub(super) fn by<'a>(chunks: impl IntoIterator<Item = &'a str>) -> Self {
        let mut said = Self::default();
        for chunk in chunks {
            let data = sse::data(chunk);
            let text = data.as_deref().unwrap_or(chunk);
            // What is no JSON says nothing.
            let object: Value = serde_json::from_str(text).unwrap_or_default();
            said.add(&object["choices"][0]);
        }
        said
    }

    fn add(&mut self, choice: &Value) {
        let delta = match &choice["delta"] {
            Value::Null => &choice["message"],
            delta => delta,
        };
        self.text
            .push_str(delta["content"].as_str().unwrap_or_default());
        for (at, call) in delta["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            let index = call["index"].as_u64().map_or(at, |index| index as usize);
            // No model calls so many tools at once; a number that is not meant must not take the memory.
            if index >= 1000 {
                continue;
            }
            if self.tools.len() <= index {
                self.tools.resize_with(index + 1, Call::default);
            }
            let (tool, function) = (&mut self.tools[index], &call["function"]);
            tool.name
                .push_str(function["name"].as_str().unwrap_or_default());
            tool.arguments
                .push_str(function["arguments"].as_str().unwrap_or_default());
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish_reason = Some(reason.to_owned());
        }
    }
}
