//! What the model was asked.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Deserialize;
use serde_json::Value;

/// A request to a [`Script`](crate::Script).
#[derive(Clone, Deserialize)]
#[serde(from = "Reported")]
pub struct SeenRequest {
    /// Which of the script's requests it is; the first is 1.
    pub n: usize,
    /// When it came, since the script was made.
    pub at: Duration,
    /// All of it.
    pub body: Value,
    /// Its headers, without those that may be secret.
    pub headers: BTreeMap<String, String>,
    /// Whether it came with a key.
    pub authorization: bool,
    /// Which answer it got.
    pub answer: Option<usize>,
    /// Why it got none.
    pub error: Option<String>,
    /// How its answer ended: `complete`, `client_gone`, `cut`, `refused`; nothing while it is under way.
    pub ended: Option<String>,
    messages: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Reported {
    n: usize,
    ms: u64,
    #[serde(default)]
    body: Value,
    headers: BTreeMap<String, String>,
    authorization: bool,
    answer: Option<usize>,
    error: Option<String>,
    ended: Option<String>,
}

impl From<Reported> for SeenRequest {
    fn from(seen: Reported) -> Self {
        let messages = seen.body["messages"].as_array().into_iter().flatten();
        let messages = messages.map(|message| {
            let role = message["role"].as_str().unwrap_or_default();
            (role.to_owned(), content(&message["content"]))
        });
        Self {
            n: seen.n,
            at: Duration::from_millis(seen.ms),
            messages: messages.collect(),
            body: seen.body,
            headers: seen.headers,
            authorization: seen.authorization,
            answer: seen.answer,
            error: seen.error,
            ended: seen.ended,
        }
    }
}

/// A content's text, whole or in parts.
fn content(content: &Value) -> String {
    let parts = content.as_array().into_iter().flatten();
    let parts = parts.filter_map(|part| part["text"].as_str());
    content.as_str().into_iter().chain(parts).collect()
}

/// For the messages of failed tests: what was said, without what is the same in every request.
impl fmt::Debug for SeenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenRequest")
            .field("n", &self.n)
            .field("at", &self.at)
            .field("messages", &self.messages)
            .field("tools", &self.tools())
            .field("answer", &self.answer)
            .field("error", &self.error)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl SeenRequest {
    /// Who said what; nothing stands where a message only called tools.
    pub fn messages(&self) -> Vec<(&str, &str)> {
        let messages = self.messages.iter();
        messages
            .map(|(role, content)| (role.as_str(), content.as_str()))
            .collect()
    }

    fn by<'a>(&'a self, who: &'a str) -> impl Iterator<Item = &'a str> {
        let messages = self.messages.iter().filter(move |(role, _)| role == who);
        messages.map(|(_, content)| content.as_str())
    }

    /// The system message; nothing where there is none.
    pub fn system(&self) -> &str {
        self.by("system").next().unwrap_or_default()
    }

    /// The last message.
    pub fn last(&self) -> &str {
        self.messages.last().map_or("", |(_, content)| content)
    }

    /// The results of tools, in order.
    pub fn tool_results(&self) -> Vec<&str> {
        self.by("tool").collect()
    }

    /// The names of the tools that the model may call.
    pub fn tools(&self) -> Vec<&str> {
        let tools = self.body["tools"].as_array().into_iter().flatten();
        let names = tools.map(|tool| tool["function"]["name"].as_str());
        names.map(Option::unwrap_or_default).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_taken_apart() -> serde_json::Result<()> {
        let asked: SeenRequest = serde_json::from_value(json!({
            "n": 2, "at": "2026-01-31T10:15:30.000Z", "ms": 1500, "headers": {}, "authorization": true,
            "answer": 0, "error": null, "ended": "complete",
            "body": {
                "messages": [
                    { "role": "system", "content": "Be short." },
                    { "role": "user", "content": [{ "type": "text", "text": "2" }, { "type": "text", "text": "+3" }] },
                    { "role": "assistant", "content": null, "tool_calls": [] },
                    { "role": "tool", "content": "5", "tool_call_id": "call_1" },
                ],
                "tools": [{ "type": "function", "function": { "name": "add" } }],
            },
        }))?;
        assert_eq!(asked.at, Duration::from_millis(1500));
        let expected = [
            ("system", "Be short."),
            ("user", "2+3"),
            ("assistant", ""),
            ("tool", "5"),
        ];
        assert_eq!(asked.messages(), expected);
        assert_eq!((asked.system(), asked.last()), ("Be short.", "5"));
        assert_eq!(asked.tool_results(), ["5"]);
        assert_eq!(asked.tools(), ["add"]);
        Ok(())
    }
}
