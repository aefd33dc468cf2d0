//! Secrets in a text, however they were written down.

mod escapes;
mod form;
pub(crate) mod json;
mod streaming_redaction;
mod view;

use std::ops::Range;

#[cfg(test)]
pub(crate) use form::BUILT;
pub(crate) use form::Forms;
pub use streaming_redaction::HoldBack;
use view::views;

const MARK: &str = "[redacted]";

/// A text without the secrets of these forms.
pub(crate) fn redact(text: &str, forms: &[&Forms]) -> String {
    redact_head(text, text.len(), forms).0
}

/// Redacts the first `most` bytes of a text, and how many bytes of the text these are: more if a secret goes on beyond
/// them. What it takes does not grow with the rest of the text.
pub(crate) fn redact_head(text: &str, most: usize, forms: &[&Forms]) -> (String, usize) {
    let most = text.floor_char_boundary(most);
    marked(text, 0..most, &places(text, most, forms))
}

/// Where secrets are in the first `most` bytes of a text, in their order and apart from each other. The last may go on
/// beyond them.
fn places(text: &str, most: usize, forms: &[&Forms]) -> Vec<Range<usize>> {
    let shortest = forms.iter().map(|forms| forms.shortest()).min();
    let longest = forms.iter().map(|forms| forms.longest()).max();
    let (Some(shortest), Some(longest)) = (shortest, longest) else {
        return Vec::new();
    };
    // No escape is shorter than what it means.
    if text.len() < shortest {
        return Vec::new();
    }
    let mut found = Vec::new();
    views(text.as_bytes(), most, longest, |view| {
        for form in forms.iter().flat_map(|forms| forms.iter()) {
            view.find(form, &mut found);
        }
    });
    found.sort_unstable();
    let mut places: Vec<Range<usize>> = Vec::new();
    for (start, end) in found {
        match places.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ if start < most => places.push(start..end),
            _ => break,
        }
    }
    for place in &mut places {
        place.start = text.floor_char_boundary(place.start);
        place.end = text.ceil_char_boundary(place.end);
    }
    places
}

/// A stretch of the text with marks in these places, and where it ends: the last place may go on beyond it.
fn marked(text: &str, stretch: Range<usize>, places: &[Range<usize>]) -> (String, usize) {
    let mut shown = String::with_capacity(stretch.len());
    let mut done = stretch.start;
    for place in places {
        shown.push_str(&text[done..place.start.max(done)]);
        shown.push_str(MARK);
        done = place.end;
    }
    if done < stretch.end {
        shown.push_str(&text[done..stretch.end]);
        done = stretch.end;
    }
    (shown, done)
}

#[cfg(test)]
mod tests;
