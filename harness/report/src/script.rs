//! A scripted model: what it was asked, and what it said.

use crate::text::{cut, field};
use serde::Serialize;
use serde_json::Value;

/// What is told of one message or answer, in characters.
const STEP: usize = 1500;
/// Questions of one script, the last ones.
const MOST: usize = 20;

/// A scripted model.
#[derive(Clone, Debug, Serialize)]
pub struct Script {
    /// Its key.
    pub key: String,
    /// Questions and answers.
    pub questions: Vec<Question>,
    /// Answers that nobody asked for.
    pub unused: usize,
}

/// What a model was asked, and said.
#[derive(Clone, Debug, Serialize)]
pub struct Question {
    /// Its number.
    pub n: u64,
    /// How many messages it repeats, as they stood in the request before.
    pub repeated: usize,
    /// The messages after these, `role: text`.
    pub asked: Vec<String>,
    /// The answer, JSON.
    pub said: String,
    /// How the exchange ended, or why there was no answer.
    pub ended: String,
}

/// From what the gateway tells of it; `notes` are the test's own, which have the answers.
pub fn of(key: &str, report: &Value, notes: &[Value]) -> Script {
    let model = format!("script/{key}");
    let given: Vec<&Value> = notes
        .iter()
        .filter(|note| note["kind"] == "answer" && note["script"] == model)
        .map(|note| &note["answer"])
        .collect();
    let requests = report["requests"].as_array().into_iter().flatten();
    let questions = requests.map(|request| {
        let messages = request["body"]["messages"].as_array().into_iter().flatten();
        let answer = request["answer"]
            .as_u64()
            .and_then(|at| given.get(usize::try_from(at).ok()?));
        let said = answer.map(|answer| answer.to_string()).unwrap_or_default();
        let error = field(request, "error");
        Question {
            n: request["n"].as_u64().unwrap_or_default(),
            repeated: 0,
            asked: messages.map(message).collect(),
            said: cut(&said, STEP),
            ended: if error.is_empty() {
                field(request, "ended")
            } else {
                error
            },
        }
    });
    let mut questions: Vec<Question> = questions.collect();
    questions.drain(..questions.len().saturating_sub(MOST));
    // Each question repeats the conversation. One that repeats it otherwise, or another's, is told whole: that may be what
    // is wrong.
    let mut before: Vec<String> = Vec::new();
    for question in &mut questions {
        let all = question.asked.clone();
        if all.starts_with(&before) {
            question.repeated = before.len();
            question.asked.drain(..before.len());
        }
        before = all;
    }
    Script {
        key: key.to_owned(),
        questions,
        unused: report["unused"].as_array().map_or(0, Vec::len),
    }
}

fn message(message: &Value) -> String {
    let content = match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let calls = &message["tool_calls"];
    let calls = if calls.is_null() {
        String::new()
    } else {
        format!(" {calls}")
    };
    cut(
        &format!("{}: {content}{calls}", field(message, "role")),
        STEP,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_repeated_word_for_word_is_left_out() {
        let said = |texts: &[&str]| {
            let messages = texts
                .iter()
                .map(|it| json!({"role": "user", "content": it}));
            json!({ "body": { "messages": messages.collect::<Vec<_>>() } })
        };
        let requests = [
            said(&["a"]),
            said(&["a", "b"]),
            said(&["b", "c", "d"]),
            said(&["b", "c", "d"]),
        ];
        let script = of("k", &json!({ "requests": requests }), &[]);
        let told: Vec<_> = script
            .questions
            .iter()
            .map(|it| (it.repeated, it.asked.len()))
            .collect();
        assert_eq!(told, [(0, 1), (1, 1), (0, 3), (3, 0)]);
    }
}
