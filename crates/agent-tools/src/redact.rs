//! Secrets in a text, however they were written down.

mod view;

use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};

use view::{LONGEST_ESCAPE, views};

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

/// How many bytes one of these secrets takes at most in a text: escaped twice, as JSON in JSON. 0 without secrets.
pub(crate) fn reach<'a>(secrets: impl Iterator<Item = &'a str>) -> usize {
    let forms: Vec<Form> = secrets.flat_map(parts).flat_map(forms).collect();
    let longest = longest(&forms).unwrap_or(0);
    longest.saturating_mul(LONGEST_ESCAPE * LONGEST_ESCAPE)
}

fn longest(forms: &[Form]) -> Option<usize> {
    forms.iter().map(|form| form.bytes.len()).max()
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
