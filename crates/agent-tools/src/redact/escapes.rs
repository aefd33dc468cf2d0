//! Escapes of JSON and of addresses, one at a time.

/// Bytes of the longest one: `\u0041`.
pub(super) const LONGEST: usize = 6;

/// How often one is resolved in the other: JSON in JSON is what a tool that answers with JSON makes of it.
pub(super) const TIMES: usize = 2;

/// How many bytes of a text so many can take.
pub(super) fn reach(bytes: usize) -> usize {
    bytes.saturating_mul(LONGEST * LONGEST)
}

/// What an escape means, in the first so many of these bytes, and how many bytes it takes.
pub(super) struct Escaped {
    pub(super) bytes: [u8; 4],
    pub(super) count: usize,
    pub(super) taken: usize,
}

impl Escaped {
    pub(super) fn byte(byte: u8, taken: usize) -> Self {
        Self {
            bytes: [byte, 0, 0, 0],
            count: 1,
            taken,
        }
    }
}

/// What stands at the beginning of the bytes; `None` is the first byte itself.
pub(super) type Escape = fn(&[u8]) -> Option<Escaped>;

/// A text with its JSON escapes resolved; what is none stays.
pub(super) fn plain(text: &str) -> String {
    let mut rest = text.as_bytes();
    let mut plain = Vec::with_capacity(rest.len());
    while let [first, ..] = rest {
        let escaped = json(rest).unwrap_or_else(|| Escaped::byte(*first, 1));
        plain.extend_from_slice(&escaped.bytes[..escaped.count]);
        rest = &rest[escaped.taken..];
    }
    // An escape is ASCII and means whole characters, so nothing is lost.
    String::from_utf8_lossy(&plain).into_owned()
}

pub(super) fn percent(bytes: &[u8]) -> Option<Escaped> {
    let [b'%', high, low, ..] = bytes else {
        return None;
    };
    let digit = |b: &u8| char::from(*b).to_digit(16);
    let byte = digit(high)? * 16 + digit(low)?;
    Some(Escaped::byte(u8::try_from(byte).ok()?, 3))
}

pub(super) fn form_encoded(bytes: &[u8]) -> Option<Escaped> {
    match bytes {
        [b'+', ..] => Some(Escaped::byte(b' ', 1)),
        _ => percent(bytes),
    }
}

pub(super) fn json(bytes: &[u8]) -> Option<Escaped> {
    let [b'\\', kind, rest @ ..] = bytes else {
        return None;
    };
    let plain = match kind {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        b'"' | b'\\' | b'/' => *kind,
        b'u' => return unicode(rest),
        _ => return None,
    };
    Some(Escaped::byte(plain, 2))
}

fn unicode(rest: &[u8]) -> Option<Escaped> {
    let unit = |at: usize| {
        let digits = std::str::from_utf8(rest.get(at..at + 4)?).ok()?;
        u16::from_str_radix(digits, 16).ok()
    };
    let second = || (rest.get(4..6) == Some(b"\\u")).then(|| unit(6)).flatten();
    let units = [unit(0)].into_iter().chain(std::iter::once_with(second));
    let character = char::decode_utf16(units.map_while(|unit| unit))
        .next()?
        .ok()?;
    let mut bytes = [0; 4];
    let count = character.encode_utf8(&mut bytes).len();
    Some(Escaped {
        bytes,
        count,
        taken: character.len_utf16() * 6,
    })
}
