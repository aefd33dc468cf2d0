//! Secrets in JSON that is to stay JSON: a call whose arguments are none any more reaches no tool.

use std::{collections::BTreeSet, ops::Range};

use serde::de::IgnoredAny;
use serde_json::Value;

use super::{Forms, MARK, marked, places};

/// What stands between the strings, numbers and words of JSON.
const BETWEEN: &[u8] = b"{}[]:, \t\n\r";

/// The names in a schema: the keys of all its objects. A model is told of them as they are, or it could not call by them.
pub(crate) fn names(schema: &Value) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let mut left = vec![schema];
    while let Some(value) = left.pop() {
        match value {
            Value::Array(items) => left.extend(items),
            Value::Object(map) => {
                names.extend(map.keys().map(String::as_str));
                left.extend(map.values());
            }
            _ => {}
        }
    }
    names
}

/// Arguments without secrets: marks in their texts, and a text in the place of a number. Keys that are among the `names`
/// of the tool's schema stay, as do `true`, `false` and `null`, which are words of JSON. What is no JSON, and a secret that
/// is more than one text or number, are redacted as in any other text.
pub(crate) fn redact(text: &str, names: &BTreeSet<&str>, forms: &[&Forms]) -> String {
    let places = places(text, text.len(), forms);
    let as_text = || marked(text, 0..text.len(), &places).0;
    if places.is_empty() || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return as_text();
    }
    let (mut shown, mut done) = (String::with_capacity(text.len()), 0);
    let mut left = places.as_slice();
    for token in tokens(text) {
        let (inside, later) = left.split_at(left.partition_point(|p| p.start < token.end));
        if inside.is_empty() {
            continue;
        }
        let is_beyond = |p: &Range<usize>| p.start < token.start || p.end > token.end;
        if inside.iter().any(is_beyond) {
            return as_text();
        }
        shown.push_str(&text[done..token.start]);
        done = token.end;
        shown.push_str(&hidden(text, token, inside, names));
        left = later;
    }
    if !left.is_empty() {
        return as_text();
    }
    shown.push_str(&text[done..]);
    shown
}

/// What is shown of a token with secrets in these places.
fn hidden(
    text: &str,
    token: Range<usize>,
    places: &[Range<usize>],
    names: &BTreeSet<&str>,
) -> String {
    let written = &text[token.clone()];
    if !written.starts_with('"') {
        return match written {
            "true" | "false" | "null" => written.to_owned(),
            // Half a number tells the other half's length, and is another number.
            _ => format!("\"{MARK}\""),
        };
    }
    let string = |written: &str| serde_json::from_str::<String>(written);
    let is_key = text[token.end..].trim_start().starts_with(':');
    if is_key && string(written).is_ok_and(|name| names.contains(name.as_str())) {
        return written.to_owned();
    }
    let (shown, _) = marked(text, token, places);
    match string(&shown) {
        Ok(_) => shown,
        // The secret began or ended in an escape, or with a quote.
        Err(_) => format!("\"{MARK}\""),
    }
}

/// Where the strings, numbers and words of valid JSON are.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        at += 1;
        if BETWEEN.contains(&bytes[start]) {
            continue;
        }
        if bytes[start] == b'"' {
            while at < bytes.len() && bytes[at] != b'"' {
                at += 1 + usize::from(bytes[at] == b'\\');
            }
            at = bytes.len().min(at + 1);
        } else {
            while at < bytes.len() && !BETWEEN.contains(&bytes[at]) {
                at += 1;
            }
        }
        tokens.push(start..at);
    }
    tokens
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hidden(secret: &str, text: &str) -> String {
        let schema = json!({"properties": {"neo4j_db": {"type": "string"}}});
        let forms = Forms::of([secret].into_iter());
        super::redact(text, &names(&schema), &[&forms])
    }

    #[test]
    fn arguments_stay_json() {
        for (secret, text, shown) in [
            ("48151623", r#"{"n": 48151623}"#, r#"{"n": "[redacted]"}"#),
            ("48151623", "[-148151623.50,1]", r#"["[redacted]",1]"#),
            (
                "neo4j",
                r#"{"neo4j_db":"neo4j","b":[{"c":"a neo4j \"b\""}]}"#,
                r#"{"neo4j_db":"[redacted]","b":[{"c":"a [redacted] \"b\""}]}"#,
            ),
            // A key that the model made up is no name of the tool's.
            ("neo4j", r#"{"neo4j_x" : 1}"#, r#"{"[redacted]_x" : 1}"#),
            ("true", r#"[true,"true"]"#, r#"[true,"[redacted]"]"#),
            // What has no secret stays as it is written.
            (
                "neo4j",
                r#"{ "n":1.50, "n":1e2 }"#,
                r#"{ "n":1.50, "n":1e2 }"#,
            ),
        ] {
            assert_eq!(hidden(secret, text), shown, "{text}");
        }
    }

    #[test]
    fn a_secret_that_is_cut_out_of_an_escape_or_has_quotes_leaves_json() {
        assert_eq!(
            hidden("nabcd", r#"{"a":"x\nabcd"}"#),
            r#"{"a":"[redacted]"}"#
        );
        assert_eq!(
            hidden("\"abcd\"", r#"{"a":"abcd"}"#),
            r#"{"a":"[redacted]"}"#
        );
    }

    #[test]
    fn what_is_no_json_or_goes_beyond_one_value_is_redacted_as_text() {
        assert_eq!(hidden("abcd", r#"{"a":"abcd"#), r#"{"a":"[redacted]"#);
        let secret = r#"{"u":"me","p":"or"}"#;
        assert_eq!(
            hidden(secret, &format!(r#"{{"a":{secret}}}"#)),
            r#"{"a":[redacted]}"#
        );
        assert_eq!(hidden("[[]]", r#"{"a":[[]]}"#), r#"{"a":[redacted]}"#);
    }
}
