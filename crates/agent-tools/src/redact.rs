//! Secrets in a text, however they were written down.

use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use memchr::memmem;

const MARK: &str = "[redacted]";
const SHORTEST: usize = 4; // characters; shorter ones are in every text
const SHORTEST_LINE: usize = 12; // of a secret of several lines, such as a key file

/// What to look for. The characters beside it may hold some of its bits.
struct Form {
    bytes: Vec<u8>,
    before: usize,
    after: usize,
}

pub(crate) fn redact<'a>(text: &str, secrets: impl Iterator<Item = &'a str>) -> String {
    let forms: Vec<Form> = secrets.flat_map(parts).flat_map(forms).collect();
    if forms.is_empty() {
        return text.to_owned();
    }
    let mut found = Vec::new();
    for view in views(text) {
        for form in &forms {
            view.find(form, &mut found);
        }
    }
    replace(text, found)
}

/// A secret without the space around it, and its lines: they are printed with indents and by halves.
fn parts(secret: &str) -> Vec<&str> {
    let whole = secret.trim();
    if whole.chars().count() < SHORTEST {
        return Vec::new();
    }
    let mut parts = vec![whole];
    if whole.contains('\n') {
        let lines = whole.lines().map(str::trim);
        parts.extend(lines.filter(|l| l.len() >= SHORTEST_LINE && !l.starts_with("-----")));
    }
    parts
}

fn forms(part: &str) -> Vec<Form> {
    let mut forms = vec![Form {
        bytes: part.as_bytes().to_vec(),
        before: 0,
        after: 0,
    }];
    for alphabet in [&alphabet::STANDARD, &alphabet::URL_SAFE] {
        let engine = GeneralPurpose::new(alphabet, NO_PAD);
        // Whatever stands before it, as in `user:password`, shifts it by none, one or two bytes.
        for shift in 0..3 {
            let mut bytes = vec![0; shift];
            bytes.extend_from_slice(part.as_bytes());
            let encoded = engine.encode(&bytes).into_bytes();
            let first = (shift * 8).div_ceil(6);
            let end = bytes.len() * 8 / 6;
            forms.push(Form {
                bytes: encoded[first..end].to_vec(),
                before: usize::from(shift > 0),
                after: encoded.len() - end,
            });
        }
    }
    forms
}

/// A text with its escapes resolved, and for each byte where it came from.
struct View {
    bytes: Vec<u8>,
    /// One more than `bytes`: the last is the end.
    from: Vec<usize>,
}

impl View {
    fn find(&self, form: &Form, found: &mut Vec<(usize, usize)>) {
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
            found.push((self.from[start - before], self.from[end + after]));
            at = start + 1; // they may overlap
        }
    }
}

fn views(text: &str) -> impl Iterator<Item = View> {
    let plain = resolve(text.as_bytes(), (0..=text.len()).collect(), |_| None);
    let has = |byte: u8| memchr::memchr(byte, text.as_bytes()).is_some();
    let mut views = Vec::new();
    if has(b'%') || has(b'+') {
        views.push(resolve(&plain.bytes, plain.from.clone(), percent));
        views.push(resolve(&plain.bytes, plain.from.clone(), form_encoded));
    }
    if has(b'\\') {
        // JSON in JSON is what a tool that answers with JSON makes of it.
        let once = resolve(&plain.bytes, plain.from.clone(), json);
        let twice = resolve(&once.bytes, once.from.clone(), json);
        views.extend([once, twice]);
    }
    views.push(plain);
    views.into_iter()
}

/// What stands at the beginning of the bytes and how many of them it takes; `None` is the byte itself.
type Escape = fn(&[u8]) -> Option<(Vec<u8>, usize)>;

fn resolve(bytes: &[u8], from: Vec<usize>, escape: Escape) -> View {
    let mut view = View {
        bytes: Vec::with_capacity(bytes.len()),
        from: Vec::with_capacity(from.len()),
    };
    let mut at = 0;
    while at < bytes.len() {
        let (resolved, taken) = escape(&bytes[at..]).unwrap_or_else(|| (vec![bytes[at]], 1));
        for (i, byte) in resolved.iter().enumerate() {
            view.bytes.push(*byte);
            // All bytes of a character come from one escape: a match begins with its first, so the others do not matter.
            view.from.push(if i == 0 {
                from[at]
            } else {
                from[(at + taken).min(bytes.len())]
            });
        }
        at += taken;
    }
    view.from.extend(from.last());
    view
}

fn percent(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let [b'%', high, low, ..] = bytes else {
        return None;
    };
    let digit = |b: &u8| char::from(*b).to_digit(16);
    let byte = digit(high)? * 16 + digit(low)?;
    Some((vec![u8::try_from(byte).ok()?], 3))
}

fn form_encoded(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    match bytes {
        [b'+', ..] => Some((vec![b' '], 1)),
        _ => percent(bytes),
    }
}

fn json(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
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
    Some((vec![plain], 2))
}

fn unicode(rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    let unit = |at: usize| {
        let digits = std::str::from_utf8(rest.get(at..at + 4)?).ok()?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(0)?;
    let second = (rest.get(4..6) == Some(b"\\u")).then(|| unit(6)).flatten();
    let pair = [first, second.unwrap_or_default()];
    let units = if (0xd800..0xdc00).contains(&first) {
        &pair[..]
    } else {
        &pair[..1]
    };
    let text = String::from_utf16(units).ok()?;
    Some((text.into_bytes(), units.len() * 6))
}

fn replace(text: &str, mut found: Vec<(usize, usize)>) -> String {
    found.sort_unstable();
    let mut redacted = String::with_capacity(text.len());
    let mut done = 0;
    let mut found = found.into_iter().peekable();
    while let Some((start, mut end)) = found.next() {
        while let Some((_, next)) = found.next_if(|(next, _)| *next <= end) {
            end = end.max(next);
        }
        let start = text.floor_char_boundary(start);
        let end = text.ceil_char_boundary(end);
        redacted.push_str(&text[done..start.max(done)]);
        redacted.push_str(MARK);
        done = end;
    }
    redacted.push_str(&text[done..]);
    redacted
}

#[cfg(test)]
mod tests;
