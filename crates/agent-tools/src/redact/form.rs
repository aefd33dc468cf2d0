//! What a secret looks like in a text that escapes nothing.

use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};

const SHORTEST: usize = 4; // characters; shorter ones are in every text
const SHORTEST_LINE: usize = 12; // of a secret of several lines, such as a key file

/// What to look for. The characters beside it may hold some of its bits.
pub(super) struct Form {
    pub(super) bytes: Vec<u8>,
    pub(super) before: usize,
    pub(super) after: usize,
}

/// Bytes of the longest one.
pub(super) fn longest(forms: &[Form]) -> Option<usize> {
    forms.iter().map(|form| form.bytes.len()).max()
}

/// A secret without the space around it, and its lines: they are printed with indents and by halves.
pub(super) fn parts(secret: &str) -> Vec<&str> {
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

/// A part as it is, and its base64.
pub(super) fn forms(part: &str) -> Vec<Form> {
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
