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
    /// Puts together what the chunks say: events, or one object. Beside it what is said and not shown, thoughts.
    pub(super) fn by<'a>(chunks: impl IntoIterator<Item = &'a str>) -> (Self, String) {
        let (mut said, mut hidden) = (Self::default(), String::new());
        // The number by which the model means each of the calls.
        let mut numbers = Vec::new();
        for chunk in chunks {
            let data = sse::data(chunk);
            let text = data.as_deref().unwrap_or(chunk);
            // What is no JSON says nothing.
            let object: Value = serde_json::from_str(text).unwrap_or_default();
            let choice = &object["choices"][0];
            let delta = match &choice["delta"] {
                Value::Null => &choice["message"],
                delta => delta,
            };
            words(&delta["content"], &mut said.text);
            for thoughts in ["reasoning_content", "reasoning", "refusal"] {
                words(&delta[thoughts], &mut hidden);
            }
            let calls = delta["tool_calls"].as_array().into_iter().flatten();
            for (at, call) in calls.enumerate() {
                said.call(at as u64, call, &mut numbers);
            }
            // An empty one is none.
            let reason = choice["finish_reason"].as_str();
            if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
                said.finish_reason = Some(reason.to_owned());
            }
        }
        (said, hidden)
    }

    fn call(&mut self, at: u64, call: &Value, numbers: &mut Vec<u64>) {
        let number = call["index"].as_u64().unwrap_or(at);
        let function = &call["function"];
        let name = function["name"].as_str().unwrap_or_default();
        // Some give one number to all: another name is another call.
        let known = numbers.iter().rposition(|known| *known == number);
        let known = known.filter(|at| name.is_empty() || self.tools[*at].name.is_empty());
        let at = known.unwrap_or_else(|| {
            numbers.push(number);
            self.tools.push(Call::default());
            numbers.len() - 1
        });
        self.tools[at].name.push_str(name);
        let arguments = function["arguments"].as_str().unwrap_or_default();
        self.tools[at].arguments.push_str(arguments);
    }
}

/// Adds the words of a text, or of a list of parts.
fn words(content: &Value, to: &mut String) {
    let parts = content.as_array().into_iter().flatten();
    let parts = parts.filter_map(|part| part["text"].as_str());
    to.extend(content.as_str().into_iter().chain(parts));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(deltas: &[&str]) -> Readable {
        let events = deltas.iter();
        let events =
            events.map(|delta| format!("data: {{\"choices\":[{{\"delta\":{delta}}}]}}\n\n"));
        let events: Vec<_> = events.collect();
        Readable::by(events.iter().map(String::as_str)).0
    }

    #[test]
    fn dialects_are_put_together() {
        let parts = said(&[
            r#"{"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"Hel"}]}"#,
            r#"{"content":"lo"}"#,
            "null",
        ]);
        assert_eq!(parts.text, "Hello");
        let call = |name: &str, arguments: &str| {
            format!(
                r#"{{"tool_calls":[{{"index":0,"function":{{"name":"{name}","arguments":"{arguments}"}}}}]}}"#
            )
        };
        let calls = said(&[&call("good", "1"), &call("", "2"), &call("bad", "3")]);
        let calls: Vec<_> = calls
            .tools
            .iter()
            .map(|c| (&*c.name, &*c.arguments))
            .collect();
        assert_eq!(calls, [("good", "12"), ("bad", "3")]);
        let events = [
            "\u{feff}data: {\"choices\":[{\"delta\":{\"content\":\"a\",\"reasoning\":\"h\"},\"finish_reason\":\"\"}]}\n\n",
            "data: {\"choices\":null}\n\n",
        ];
        let (said, hidden) = Readable::by(events);
        assert_eq!(
            (said.text.as_str(), said.finish_reason, hidden.as_str()),
            ("a", None, "h")
        );
    }
}
