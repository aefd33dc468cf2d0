//! A call of a tool.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// About how many characters of a call's arguments come at once.
const ARGUMENTS: usize = 8;

/// The most pieces that a call's arguments come in, so that megabytes of them are not a million events.
const MOST: usize = 4096;

/// A call of a tool.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its id; default `call_N`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The tool.
    pub name: String,
    /// An object, or any text; as it was written.
    #[serde(default)]
    arguments: Option<Box<RawValue>>,
}

impl Tool {
    /// The arguments as the model says them: a text as it is, an object without its spaces.
    pub fn arguments(&self) -> Cow<'_, str> {
        let Some(written) = &self.arguments else {
            return "{}".into();
        };
        match serde_json::from_str::<String>(written.get()) {
            Ok(text) => text.into(),
            Err(_) => compact(written.get()),
        }
    }

    /// About how many bytes its arguments have.
    pub(super) fn size(&self) -> usize {
        self.arguments
            .as_ref()
            .map_or(0, |written| written.get().len())
    }

    /// How many bytes of `arguments` come at once, where they have `chars` characters. At least two pieces, so that
    /// nobody who reads only one can pass.
    pub(super) fn at_once(chars: usize) -> usize {
        let short = ARGUMENTS.min(chars.div_ceil(2)).max(1);
        short.max(chars.div_ceil(MOST))
    }

    /// How many pieces it is streamed in: one for its name, some for its arguments.
    pub(super) fn count(&self) -> usize {
        let chars = self.arguments().chars().count();
        1 + chars.div_ceil(Self::at_once(chars))
    }
}

/// JSON without the spaces between its tokens.
fn compact(json: &str) -> Cow<'_, str> {
    let mut compact = String::with_capacity(json.len());
    let (mut quoted, mut escaped) = (false, false);
    for c in json.chars() {
        if quoted || !c.is_ascii_whitespace() {
            compact.push(c);
        }
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
    }
    compact.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_said_as_they_were_written() {
        for (written, said) in [
            (
                r#"{ "b": [1,  2.50], "a\" b": "c\\" , "d": "é" }"#,
                r#"{"b":[1,2.50],"a\" b":"c\\","d":"é"}"#,
            ),
            (r#""{\"garb""#, "{\"garb"),
            ("null", "{}"),
            (" 7 ", "7"),
        ] {
            let tool = format!(r#"{{"name":"t","arguments":{written}}}"#);
            let tool: Tool = serde_json::from_str(&tool).unwrap();
            assert_eq!(tool.arguments(), said);
        }
    }

    #[test]
    fn megabytes_come_in_few_pieces() {
        let count = |chars: usize| {
            let tool = format!(r#"{{"name":"t","arguments":"{}"}}"#, "é".repeat(chars));
            serde_json::from_str::<Tool>(&tool).unwrap().count()
        };
        assert_eq!([0, 1, 2, 9, 32].map(count), [1, 2, 3, 3, 5]);
        assert_eq!(count(8 * MOST), 1 + MOST);
        let chars = 8 * MOST + 1;
        assert_eq!(count(chars), 1 + chars.div_ceil(9));
    }
}
