//! JSON as programs write it who do not know all of its rules.

use serde_json::Value;

/// The values of a text, which may stand one behind the other, and what behind them is none, with why. What no JSON may
/// have is mended where only one thing can be meant.
pub(super) fn parsed(text: &[u8]) -> (Vec<Value>, Option<(String, serde_json::Error)>) {
    let (values, left) = values(text);
    let Some((rest, error)) = left else {
        return (values, None);
    };
    let half = |_| char::REPLACEMENT_CHARACTER;
    let mended = mended(&String::from_utf8_lossy(text), half);
    match self::values(mended.as_bytes()) {
        (mended, None) => (mended, None),
        (mended, Some(left)) if mended.len() > values.len() => (mended, Some(left)),
        _ => (values, Some((rest, error))),
    }
}

/// The values of a text up to its first fault.
fn values(text: &[u8]) -> (Vec<Value>, Option<(String, serde_json::Error)>) {
    let mut stream = serde_json::Deserializer::from_slice(text).into_iter();
    let mut values = Vec::new();
    loop {
        let at = stream.byte_offset();
        match stream.next() {
            None => return (values, None),
            Some(Ok(value)) => values.push(value),
            Some(Err(error)) => {
                let rest = String::from_utf8_lossy(&text[at..]).into_owned();
                return (values, Some((rest, error)));
            }
        }
    }
}

/// With another character in place of half a one, as `half` says, escapes for control characters, and null for figures that are none.
pub fn mended(text: &str, half: impl Fn(u16) -> char) -> String {
    let mut mended = String::with_capacity(text.len());
    let mut rest = text;
    let mut inside = false;
    while let Some(next) = rest.chars().next() {
        let taken = match next {
            '"' => {
                inside = !inside;
                mended.push('"');
                1
            }
            '\\' if inside => escape(rest, &mut mended, &half),
            c if inside && c < ' ' => {
                mended.push_str(&format!("\\u{:04x}", u32::from(c)));
                1
            }
            'N' | 'I' | '-' if !inside => number(rest, &mut mended),
            c => {
                mended.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    mended
}

/// Copies the escape at the beginning, and says how many bytes it took.
fn escape(rest: &str, mended: &mut String, half: &dyn Fn(u16) -> char) -> usize {
    let unit = |at: usize| {
        let digits = rest.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let whole = |bytes: usize, mended: &mut String| {
        mended.push_str(&rest[..bytes]);
        bytes
    };
    match unit(0) {
        Some(0xD800..=0xDBFF) if matches!(unit(6), Some(0xDC00..=0xDFFF)) => whole(12, mended),
        Some(unit @ 0xD800..=0xDFFF) => {
            mended.push(half(unit));
            6
        }
        Some(_) => whole(6, mended),
        None => {
            let escaped = rest[1..].chars().next();
            whole(1 + escaped.map_or(0, char::len_utf8), mended)
        }
    }
}

/// As Python and JavaScript write numbers that JSON does not have.
fn number(rest: &str, mended: &mut String) -> usize {
    for none in ["NaN", "-Infinity", "Infinity"] {
        if rest.starts_with(none) {
            mended.push_str("null");
            return none.len();
        }
    }
    mended.push_str(&rest[..1]);
    1
}
