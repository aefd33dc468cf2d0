//! What Temporal shows of payloads, in plain words.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

/// Puts what payloads hold in their place: Temporal shows them in base64, in which nothing is found.
pub(crate) fn decode(shown: &mut Value) {
    match shown {
        Value::Object(fields) => {
            if let Some(data) = fields.get("data").and_then(Value::as_str)
                && fields.contains_key("metadata")
            {
                let bytes = BASE64_STANDARD.decode(data).unwrap_or_default();
                let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
                *shown = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
            } else if let Some(payloads) = fields.get_mut("payloads") {
                decode(payloads);
                *shown = payloads.take();
            } else {
                fields.values_mut().for_each(decode);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(decode),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn payloads_are_shown_in_plain_words() {
        let payload = |text: &str| json!({ "metadata": {}, "data": BASE64_STANDARD.encode(text) });
        let mut shown = json!({ "input": { "payloads": [payload("\"hush\""), payload("raw")] } });
        decode(&mut shown);
        assert_eq!(shown, json!({ "input": ["hush", "raw"] }));
    }
}
