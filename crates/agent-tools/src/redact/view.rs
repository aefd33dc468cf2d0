//! Ways to read a text: escapes resolved, in bounds.

use std::borrow::Cow;

use memchr::memmem;

use super::form::{Form, forms, longest, parts};

const LONGEST_ESCAPE: usize = 6; // bytes: \u0041

/// A text with its escapes resolved, and for each byte where it came from.
pub(super) struct View<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    /// One more than `bytes`: the last is the end. None where nothing was resolved.
    from: Option<Vec<usize>>,
}

impl View<'_> {
    /// Where a byte, or the end, came from.
    pub(super) fn from(&self, at: usize) -> usize {
        self.from.as_ref().map_or(at, |from| from[at])
    }

    /// Adds every place where a form is.
    pub(super) fn find(&self, form: &Form, found: &mut Vec<(usize, usize)>) {
        let finder = memmem::Finder::new(&form.bytes);
        let mut at = 0;
        while let Some(next) = finder.find(&self.bytes[at..]) {
            let start = at + next;
            let end = start + form.bytes.len();
            let is_digit = |i: usize| {
                self.bytes
                    .get(i)
                    .is_some_and(|b| b.is_ascii_alphanumeric() || b"+/-_".contains(b))
            };
            let before = usize::from(form.before > 0 && start > 0 && is_digit(start - 1));
            let mut after = usize::from(form.after > 0 && is_digit(end));
            while form.after > 0 && self.bytes.get(end + after) == Some(&b'=') {
                after += 1;
            }
            found.push((self.from(start - before), self.from(end + after)));
            at = start + 1; // they may overlap
        }
    }
}

/// How many bytes one of these secrets takes at most in a text: escaped twice, as JSON in JSON. 0 without secrets.
pub(crate) fn reach<'a>(secrets: impl Iterator<Item = &'a str>) -> usize {
    let forms: Vec<Form> = secrets.flat_map(parts).flat_map(forms).collect();
    let longest = longest(&forms).unwrap_or(0);
    longest.saturating_mul(LONGEST_ESCAPE * LONGEST_ESCAPE)
}

/// Shows a text in every way to read it, as far as its first `most` bytes and what may begin in them.
pub(super) fn views(text: &[u8], most: usize, longest: usize, mut show: impl FnMut(&View)) {
    let all = View {
        bytes: Cow::Borrowed(text),
        from: None,
    };
    show(&View {
        bytes: Cow::Borrowed(&text[..text.len().min(most + longest)]),
        from: None,
    });
    let has = |byte: u8| memchr::memchr(byte, text).is_some();
    if has(b'%') || has(b'+') {
        show(&resolve(&all, percent, most, longest));
        show(&resolve(&all, form_encoded, most, longest));
    }
    if has(b'\\') {
        // JSON in JSON is what a tool that answers with JSON makes of it.
        let once = resolve(&all, json, most, LONGEST_ESCAPE * longest);
        show(&once);
        show(&resolve(&once, json, most, longest));
    }
}

/// What an escape means, in the first so many of these bytes, and how many bytes it takes.
struct Escaped {
    bytes: [u8; 4],
    count: usize,
    taken: usize,
}

impl Escaped {
    fn byte(byte: u8, taken: usize) -> Self {
        Self {
            bytes: [byte, 0, 0, 0],
            count: 1,
            taken,
        }
    }
}

/// What stands at the beginning of the bytes; `None` is the first byte itself.
type Escape = fn(&[u8]) -> Option<Escaped>;

/// Resolves the escapes of the first `most` bytes of the text, and `more` bytes beyond them.
fn resolve(of: &View, escape: Escape, most: usize, more: usize) -> View<'static> {
    let end = of.bytes.len();
    let (mut bytes, mut from) = (Vec::new(), Vec::new());
    let mut at = 0;
    let mut left = more;
    while at < end && left > 0 {
        let start = of.from(at);
        let escaped = escape(&of.bytes[at..]).unwrap_or_else(|| Escaped::byte(of.bytes[at], 1));
        at += escaped.taken;
        bytes.extend_from_slice(&escaped.bytes[..escaped.count]);
        from.push(start);
        // All bytes of a character come from one escape: a match begins with its first, so the others do not matter.
        from.extend(std::iter::repeat_n(of.from(at), escaped.count - 1));
        if start >= most {
            left = left.saturating_sub(escaped.count);
        }
    }
    from.push(of.from(at));
    View {
        bytes: bytes.into(),
        from: Some(from),
    }
}

fn percent(bytes: &[u8]) -> Option<Escaped> {
    let [b'%', high, low, ..] = bytes else {
        return None;
    };
    let digit = |b: &u8| char::from(*b).to_digit(16);
    let byte = digit(high)? * 16 + digit(low)?;
    Some(Escaped::byte(u8::try_from(byte).ok()?, 3))
}

fn form_encoded(bytes: &[u8]) -> Option<Escaped> {
    match bytes {
        [b'+', ..] => Some(Escaped::byte(b' ', 1)),
        _ => percent(bytes),
    }
}

fn json(bytes: &[u8]) -> Option<Escaped> {
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
