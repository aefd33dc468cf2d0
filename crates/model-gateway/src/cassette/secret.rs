//! What must be in no file: the key of the request, and whatever looks like one.

use std::{cmp::Reverse, sync::LazyLock};

use axum::http::HeaderMap;
use regex::Regex;

/// What stands in a secret's place.
const REMOVED: &str = "[REDACTED]";

/// Shorter ones are words that clients send where no key is needed (`none`, `ollama`), and may stand in any text.
const SHORTEST: usize = 8;

/// Keys as they are usually written. The patterns are constants, which a test compiles.
static SHAPES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(PATTERN).ok());

const PATTERN: &str = r"(?x)
    (?P<bearer> (?i-u: \b bearer \x20+ )) [A-Za-z0-9._~+/=-]{8,}
    | (?-u: \b ) sk- [A-Za-z0-9_-]{8,}
    | (?-u: \b ) gh[opsur]_ [A-Za-z0-9]{20,}
    | (?-u: \b ) xox[abprs]- [A-Za-z0-9-]{10,}
    | (?-u: \b ) (?: AKIA | ASIA ) [A-Z0-9]{16}
";

/// The secrets of one request.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// The keys that a request carries.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let names = ["authorization", "api-key", "x-api-key"];
        let values = names.iter().flat_map(|name| headers.get_all(*name));
        let values = values.filter_map(|value| value.to_str().ok());
        let keys = values.map(|value| value.rsplit(' ').next().unwrap_or(value).trim());
        let keys = keys.filter(|key| key.len() >= SHORTEST);
        let mut keys: Vec<String> = keys.map(str::to_owned).collect();
        // Of one that begins with another, the rest would stay.
        keys.sort_by_key(|key| Reverse(key.len()));
        Self(keys)
    }

    /// The text without them.
    pub(super) fn removed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for key in &self.0 {
            text = text.replace(key, REMOVED);
        }
        match &*SHAPES {
            Some(shapes) => shapes
                .replace_all(&text, format!("${{bearer}}{REMOVED}"))
                .into_owned(),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_their_shapes_go() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer my-own-key".parse().unwrap());
        let secrets = Secrets::of(&headers);
        for (text, left) in [
            ("it is my-own-key!", "it is [REDACTED]!"),
            ("sk-proj-abcdef0123", "[REDACTED]"),
            (
                "{\"a\":\"Bearer abc.def-123\"}",
                "{\"a\":\"Bearer [REDACTED]\"}",
            ),
            ("bearer  abcdefgh", "bearer  [REDACTED]"),
            (
                "a task-force-of-many risk-averse people",
                "a task-force-of-many risk-averse people",
            ),
            ("a bearer of news", "a bearer of news"),
            (
                "ghp_0123456789abcdefghij AKIA0123456789ABCDEF",
                "[REDACTED] [REDACTED]",
            ),
        ] {
            assert_eq!(secrets.removed(text), left);
        }
        headers.insert("authorization", "Bearer ollama".parse().unwrap());
        assert_eq!(Secrets::of(&headers).removed("ollama"), "ollama");
    }

    #[test]
    fn a_key_is_known_by_whichever_header_it_comes() {
        for name in ["authorization", "api-key", "x-api-key"] {
            let mut headers = HeaderMap::new();
            headers.insert(name, "my-own-key".parse().unwrap());
            assert_eq!(
                Secrets::of(&headers).removed("a my-own-key"),
                "a [REDACTED]"
            );
            headers.append(name, "Bearer another-key".parse().unwrap());
            headers.append(name, "another-key-of-mine".parse().unwrap());
            let all = "my-own-key, another-key-of-mine, another-key";
            let left = Secrets::of(&headers).removed(all);
            assert_eq!(left, "[REDACTED], [REDACTED], [REDACTED]");
        }
    }

    proptest::proptest! {
        /// Wherever a key stands, nothing is left of it.
        #[test]
        fn no_text_keeps_a_key(before in ".{0,20}", after in ".{0,20}", key in "[a-z0-9]{8,20}") {
            let mut headers = HeaderMap::new();
            headers.insert("x-api-key", key.parse().unwrap());
            let left = Secrets::of(&headers).removed(&format!("{before}{key}{after}{key}"));
            assert!(!left.contains(&key), "{left}");
        }
    }
}
