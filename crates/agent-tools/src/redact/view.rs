//! Ways to read a text: escapes resolved, in bounds.

use std::borrow::Cow;

use super::{
    escapes::{self, Escape, Escaped, form_encoded, json, percent},
    form::Form,
};

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
        let mut at = 0;
        while let Some(next) = form.finder.find(&self.bytes[at..]) {
            let start = at + next;
            let end = start + form.len();
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
        let once = resolve(&all, json, most, escapes::LONGEST * longest);
        show(&once);
        show(&resolve(&once, json, most, longest));
    }
}

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
