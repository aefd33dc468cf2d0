//! Secrets in a text, however they were written down.

mod form;
mod streaming_redaction;
mod view;

pub use streaming_redaction::HoldBack;

use form::{Form, forms, longest, parts};
pub(crate) use view::reach;
use view::views;

const MARK: &str = "[redacted]";

pub(crate) fn redact<'a>(text: &str, secrets: impl Iterator<Item = &'a str>) -> String {
    redact_head(text, text.len(), secrets).0
}

/// Redacts the first `most` bytes of a text, and how many bytes of the text these are: more if a secret goes on beyond
/// them. What it takes does not grow with the rest of the text.
pub(crate) fn redact_head<'a>(
    text: &str,
    most: usize,
    secrets: impl Iterator<Item = &'a str>,
) -> (String, usize) {
    let most = text.floor_char_boundary(most);
    let forms: Vec<Form> = secrets.flat_map(parts).flat_map(forms).collect();
    let Some(longest) = longest(&forms) else {
        return (text[..most].to_owned(), most);
    };
    let mut found = Vec::new();
    views(text.as_bytes(), most, longest, |view| {
        for form in &forms {
            view.find(form, &mut found);
        }
    });
    replace(text, most, found)
}

/// The first `most` bytes with marks in the places that were found, and how many bytes these are.
fn replace(text: &str, most: usize, mut found: Vec<(usize, usize)>) -> (String, usize) {
    found.sort_unstable();
    let mut redacted = String::with_capacity(most);
    let mut done = 0;
    let mut found = found.into_iter().peekable();
    while let Some((start, mut end)) = found.next_if(|(start, _)| *start < most) {
        while let Some((_, next)) = found.next_if(|(next, _)| *next <= end) {
            end = end.max(next);
        }
        let start = text.floor_char_boundary(start);
        let end = text.ceil_char_boundary(end);
        redacted.push_str(&text[done..start.max(done)]);
        redacted.push_str(MARK);
        done = end;
    }
    if done < most {
        redacted.push_str(&text[done..most]);
        done = most;
    }
    (redacted, done)
}

#[cfg(test)]
mod tests;
