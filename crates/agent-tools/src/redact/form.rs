//! What a secret looks like in a text that escapes nothing.

use std::{collections::BTreeSet, iter};

use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use memchr::memmem::Finder;

use super::escapes;

/// Characters of a secret; shorter ones are in every text.
pub(super) const SHORTEST: usize = 4;
const SHORTEST_LINE: usize = 12; // of a secret of several lines, such as a key file

/// What to look for. The characters beside it may hold some of its bits.
pub(super) struct Form {
    pub(super) finder: Finder<'static>,
    pub(super) before: usize,
    pub(super) after: usize,
}

impl Form {
    fn new(bytes: &[u8], before: usize, after: usize) -> Self {
        Self {
            finder: Finder::new(bytes).into_owned(),
            before,
            after,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.finder.needle().len()
    }
}

/// All that some secrets look like. To make it takes longer than to look for it: a key file has hundreds of forms.
pub(crate) struct Forms {
    all: Vec<Form>,
    shortest: usize,
    longest: usize,
}

impl Forms {
    /// The forms of these secrets.
    pub(crate) fn of<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        #[cfg(test)]
        BUILT.with(|built| built.set(built.get() + 1));
        let parts: BTreeSet<String> = secrets.flat_map(parts).collect();
        let all: Vec<Form> = parts.iter().flat_map(|part| forms(part)).collect();
        let lengths = || all.iter().map(Form::len);
        Self {
            shortest: lengths().min().unwrap_or(usize::MAX),
            longest: lengths().max().unwrap_or(0),
            all,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Form> {
        self.all.iter()
    }

    /// Bytes of the shortest one. No text is so short where there are none.
    pub(super) fn shortest(&self) -> usize {
        self.shortest
    }

    /// Bytes of the longest one, 0 where there are none.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// How many bytes one of the secrets takes at most in a text: escaped twice, as JSON in JSON. 0 without secrets.
    pub(crate) fn reach(&self) -> usize {
        escapes::reach(self.longest)
    }
}

#[cfg(test)]
thread_local! {
    /// How often forms were made in this thread.
    pub(crate) static BUILT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A secret without the space around it, and what it means where it is kept in JSON's escapes, as a key on one line is:
/// tools print that.
pub(super) fn readings(secret: &str) -> impl Iterator<Item = String> {
    let resolved = |text: &String| {
        let plain = escapes::plain(text);
        (plain != *text).then_some(plain)
    };
    let all = iter::successors(Some(secret.to_owned()), resolved);
    let trimmed = all
        .take(1 + escapes::TIMES)
        .map(|text| text.trim().to_owned());
    trimmed.filter(|text| text.chars().count() >= SHORTEST)
}

/// What a secret can be read as, and its lines: they are printed with indents and by halves.
pub(super) fn parts(secret: &str) -> BTreeSet<String> {
    let mut parts = BTreeSet::new();
    for whole in readings(secret) {
        if whole.contains('\n') {
            let lines = whole.lines().map(str::trim);
            let long = lines.filter(|l| l.len() >= SHORTEST_LINE && !l.starts_with("-----"));
            parts.extend(long.map(str::to_owned));
        }
        parts.insert(whole);
    }
    parts
}

/// Bytes of the longest form of a part: its base64.
pub(super) fn longest_of(part: &str) -> usize {
    part.len() * 8 / 6
}

/// A part as it is, and its base64.
fn forms(part: &str) -> Vec<Form> {
    let mut forms = vec![Form::new(part.as_bytes(), 0, 0)];
    for alphabet in [&alphabet::STANDARD, &alphabet::URL_SAFE] {
        let engine = GeneralPurpose::new(alphabet, NO_PAD);
        // Whatever stands before it, as in `user:password`, shifts it by none, one or two bytes.
        for shift in 0..3 {
            let mut bytes = vec![0; shift];
            bytes.extend_from_slice(part.as_bytes());
            let encoded = engine.encode(&bytes).into_bytes();
            let first = (shift * 8).div_ceil(6);
            let end = bytes.len() * 8 / 6;
            let sure = &encoded[first..end];
            // But for these two letters the alphabets are the same.
            if *alphabet == alphabet::URL_SAFE && !sure.iter().any(|b| b"-_".contains(b)) {
                continue;
            }
            let before = usize::from(shift > 0);
            forms.push(Form::new(sure, before, encoded.len() - end));
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_what_is_looked_for() {
        for part in ["abcd", "abcde", "abcdef", "äöüß", "???>>>~~~"] {
            let longest = forms(part).iter().map(Form::len).max();
            assert_eq!(longest, Some(longest_of(part)), "{part}");
        }
    }
}
