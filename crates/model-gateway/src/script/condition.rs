//! The requests that an answer is for.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Conditions on a request; all that are given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// A text in the system message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_contains: Option<String>,
    /// A text in the last message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_contains: Option<String>,
    /// The role of the last message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_role: Option<String>,
    /// A tool that is offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_tool: Option<String>,
    /// How often the model speaks in the conversation with this answer; its first is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<usize>,
}

impl When {
    pub(super) fn is_any(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it holds for a request.
    pub fn fits(&self, body: &Value) -> bool {
        let contains = |wanted: &Option<String>, text: &str| {
            wanted.as_deref().is_none_or(|wanted| text.contains(wanted))
        };
        let last = messages(body).last();
        let tools = || body["tools"].as_array().into_iter().flatten();
        let offered = |name: &str| tools().any(|tool| tool["function"]["name"] == name);
        let spoken = messages(body).filter(|m| m["role"] == "assistant").count();
        contains(&self.system_contains, &system(body))
            && contains(&self.last_contains, &last.map(content).unwrap_or_default())
            && self
                .last_role
                .as_deref()
                .is_none_or(|role| last.is_some_and(|m| m["role"] == role))
            && self.has_tool.as_deref().is_none_or(offered)
            && self.turn.is_none_or(|turn| turn == spoken + 1)
    }
}

/// What a request is about, in a line.
pub(super) fn excerpt(body: &Value) -> String {
    let Some(last) = messages(body).last() else {
        return "it has no messages".to_owned();
    };
    let short = |text: String| {
        let line: Vec<&str> = text.split_whitespace().collect();
        line.join(" ").chars().take(80).collect::<String>()
    };
    let role = last["role"].as_str().unwrap_or("?");
    let (said, system) = (short(content(last)), short(system(body)));
    format!(
        "its last message of {} is {role} {said:?}, its system {system:?}",
        messages(body).count()
    )
}

fn messages(body: &Value) -> impl DoubleEndedIterator<Item = &Value> {
    body["messages"].as_array().into_iter().flatten()
}

fn system(body: &Value) -> String {
    let system = messages(body).filter(|m| m["role"] == "system" || m["role"] == "developer");
    system.map(content).collect::<Vec<_>>().join("\n")
}

fn content(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions() {
        let body = json!({
            "messages": [
                { "role": "system", "content": "You add numbers." },
                { "role": "user", "content": "2 and 3" },
                { "role": "assistant", "content": null },
                { "role": "tool", "content": [{ "type": "text", "text": "it is 5" }] },
            ],
            "tools": [{ "type": "function", "function": { "name": "add" } }],
        });
        for (when, fits) in [
            (json!({}), true),
            (json!({ "system_contains": "add" }), true),
            (json!({ "system_contains": "it is 5" }), false),
            (json!({ "last_contains": "is 5" }), true),
            (json!({ "last_contains": "numbers" }), false),
            (json!({ "last_role": "tool" }), true),
            (json!({ "last_role": "user" }), false),
            (json!({ "has_tool": "add" }), true),
            (json!({ "has_tool": "ad" }), false),
            (json!({ "turn": 2 }), true),
            (json!({ "turn": 1 }), false),
            (json!({ "turn": 2, "last_role": "user" }), false),
        ] {
            let read: When = serde_json::from_value(when.clone()).unwrap();
            assert_eq!(read.fits(&body), fits, "{when}");
        }
    }
}
