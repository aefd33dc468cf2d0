//! Why the model gave no answer.

use std::{fmt, time::Duration};

use serde_json::{Map, Value};

/// Why the model gave no answer.
#[derive(Debug)]
pub(crate) struct ModelError {
    /// What kind of trouble, as Temporal shows it.
    pub(crate) kind: &'static str,
    pub(crate) why: String,
    /// Whether the same question may be answered the next time.
    pub(crate) retryable: bool,
    /// When it says that it may be asked again.
    pub(crate) retry_after: Option<Duration>,
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// What an answer with that status is, and whether the next one may be another.
pub(super) fn of_status(status: u16) -> (&'static str, bool) {
    match status {
        429 => ("ModelRateLimited", true),
        408 | 409 | 425 | 500.. => ("ModelServerError", true),
        _ => ("ModelRefused", false),
    }
}

/// An error that a server tells in an answer of status 200.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    /// The status that it would have been told with, where it says so.
    pub(super) status: Option<u16>,
    /// In the server's own words.
    pub(super) words: String,
    /// Whether the model meant to call a tool and failed to say it.
    pub(super) no_call: bool,
}

impl ApiError {
    /// What it is where it stands for that status, and whether the next answer may be another.
    pub(super) fn kind(&self, status: u16) -> (&'static str, bool) {
        match self.no_call {
            true => ("ModelBrokeOff", true),
            false => of_status(status),
        }
    }

    /// The error of an object, if it has one: in a field `error`, or, where there is no answer, itself.
    pub(super) fn of(object: &Map<String, Value>) -> Option<Self> {
        let within = Self::within(object).or_else(|| {
            let base = object.get("base_resp")?;
            let code = base.get("status_code")?.as_i64()?;
            (code != 0).then(|| Self::read(base, object))
        });
        if within.is_some() {
            return within;
        }
        let named = object.get("object").and_then(Value::as_str) == Some("error");
        let there = |name: &&str| object.get(*name).is_some_and(|value| !value.is_null());
        let answer = ["choices", "usage", "id"].iter().any(there);
        if !named && answer {
            return None;
        }
        let first = object.get("errors").and_then(|errors| errors.get(0));
        let first = first.map(|error| Self::read(error, object));
        let this = || Self::read(&Value::Object(object.clone()), object);
        first.or_else(|| (named || WORDS.iter().any(there)).then(this))
    }

    /// The error in a field `error`.
    pub(super) fn within(object: &Map<String, Value>) -> Option<Self> {
        match object.get("error") {
            Some(Value::Null | Value::Bool(false)) | None => None,
            Some(Value::String(words)) if words.is_empty() => None,
            Some(Value::Object(error)) if says_nothing(error) => None,
            Some(error) => Some(Self::read(error, object)),
        }
    }

    /// An error that is told as a line of its own.
    pub(super) fn told(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(Value::Object(object)) => Self::of(&object)
                .unwrap_or_else(|| Self::read(&Value::Object(object.clone()), &object)),
            _ => Self {
                status: None,
                words: excerpt(text),
                no_call: fails_to_call(text),
            },
        }
    }

    fn read(error: &Value, around: &Map<String, Value>) -> Self {
        let words = match error {
            Value::String(words) => words.clone(),
            error => {
                let mut words = WORDS.iter().filter_map(|name| error.get(name)?.as_str());
                match words.find(|words| !words.is_empty()) {
                    Some(words) => words.to_owned(),
                    _ => error.to_string(),
                }
            }
        };
        let names = ["code", "status", "status_code", "type"];
        let own = names.iter().find_map(|n| status(error.get(n)?));
        let beside = || names.iter().find_map(|n| status(around.get(*n)?));
        Self {
            status: own.or_else(beside),
            words: excerpt(&words),
            no_call: fails_to_call(&error.to_string()),
        }
    }
}

/// Groq refuses with 400 what its own model wrote. Proxies tell that within their words.
fn fails_to_call(error: &str) -> bool {
    error.contains("tool_use_failed")
}

/// Where servers put their words.
const WORDS: [&str; 6] = [
    "message",
    "detail",
    "msg",
    "error_msg",
    "error_message",
    "status_msg",
];

/// Whether an error is one in form alone: some send it, empty, with each piece.
fn says_nothing(error: &Map<String, Value>) -> bool {
    error.values().all(|value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() || text == "0",
        value => *value == 0 || *value == 200,
    })
}

/// The status that a code, a number or a name, stands for.
fn status(code: &Value) -> Option<u16> {
    let number = match code {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    if let Some(number) = number {
        return u16::try_from(number)
            .ok()
            .filter(|n| (400..600).contains(n));
    }
    let name: String = code
        .as_str()?
        .to_lowercase()
        .split(['_', '-', ' '])
        .collect();
    let named = |names: &[&str]| names.iter().any(|n| name.contains(n));
    let statuses: [(u16, &[&str]); 6] = [
        // Before the quota that is used up: these are by the minute, and pass.
        (
            429,
            &[
                "ratelimit",
                "resourceexhausted",
                "toomany",
                "throttling",
                "tokenquota",
                "requestquota",
            ],
        ),
        (503, &["overloaded", "unavailable"]),
        (
            401,
            &[
                "authentication",
                "apikey",
                "unauthorized",
                "permission",
                "quota",
                "billing",
            ],
        ),
        (404, &["notfound"]),
        (
            400,
            &["invalid", "badrequest", "contextlength", "unsupported"],
        ),
        (500, &["servererror", "internal", "timeout"]),
    ];
    statuses
        .iter()
        .find(|(_, names)| named(names))
        .map(|(status, _)| *status)
}

/// The start of a text that somebody else wrote, on one line. No word is cut: whoever takes keys out of it knows none by
/// its half.
pub(super) fn excerpt(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = line.join(" ");
    let Some((cut, _)) = line.char_indices().nth(300) else {
        return line;
    };
    let begun = line[..cut].trim_end_matches(is_of_a_word);
    match line[cut..].starts_with(is_of_a_word) {
        true => format!("{begun}..."),
        false => format!("{}...", &line[..cut]),
    }
}

/// What keys may be made of; a language without blanks is none of it.
fn is_of_a_word(c: char) -> bool {
    c.is_ascii_graphic() && !r#""',;:{}[]()<>"#.contains(c)
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
