//! What a JSON text takes once it was read, told from the text alone: before it is read there is still time to refuse.

/// A value of its own: a number, a text, a list, a field.
const VALUE: usize = 128;

/// An object; the largest that is read is a script's answer.
const OBJECT: usize = 640;

/// The most that a text takes while it is read and after, in bytes: itself, its texts once more, and its values.
pub fn footprint(json: &[u8]) -> usize {
    let (mut values, mut objects) = (1_usize, 0_usize);
    let (mut quoted, mut escaped) = (false, false);
    for byte in json {
        if quoted {
            let end = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            quoted = !end;
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b',' | b'[' => values += 1,
            b'{' => objects += 1,
            _ => {}
        }
    }
    2 * json.len() + values * VALUE + objects * OBJECT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Piece, ScriptedAnswer, Tool};

    #[test]
    fn values_cost_more_than_their_bytes_and_texts_do_not() {
        let text = format!("\"{}\"", "{\\\"[,,".repeat(1000));
        assert_eq!(footprint(text.as_bytes()), 2 * text.len() + VALUE);
        let values = br#"{"a":[1,2],"b":{}}"#;
        assert_eq!(footprint(values), 2 * values.len() + 4 * VALUE + 2 * OBJECT);
        assert_eq!(footprint(b"\"\\\\\",1"), 12 + 2 * VALUE);
    }

    #[test]
    fn nothing_that_is_read_is_larger() {
        assert!(size_of::<ScriptedAnswer>() <= OBJECT);
        assert!(size_of::<Tool>() + size_of::<usize>() <= OBJECT);
        assert!(size_of::<Piece>() <= VALUE);
        // A field of an object: its name, its value, and the tree around them.
        assert!(size_of::<(String, serde_json::Value)>() + 48 <= VALUE);
    }

    proptest::proptest! {
        /// No text has more values than are counted.
        #[test]
        fn anything_has_a_footprint(text in r#"[\[\]{}",:\\ 0-9a-zé]{0,80}"#) {
            fn count(value: &serde_json::Value) -> usize {
                1 + match value {
                    serde_json::Value::Array(values) => values.iter().map(count).sum(),
                    serde_json::Value::Object(fields) => fields.values().map(count).sum(),
                    _ => 0,
                }
            }
            let counted = footprint(text.as_bytes());
            if let Ok(value) = serde_json::from_str(&text) {
                assert!(counted >= count(&value) * VALUE, "{text}");
            }
        }
    }
}
