//! The end of a text that is still being written: it may be the beginning of a secret, which can only be redacted when
//! all of it is there.

use super::view::reach;

/// How much of a text's end cannot be shown yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HoldBack {
    /// Bytes that a secret takes at most, however it is written.
    longest: usize,
    /// Whether a secret has white space in it. No other goes on beyond a white space.
    spaced: bool,
}

impl HoldBack {
    /// What these secrets ask for.
    pub(crate) fn of<'a>(secrets: impl Iterator<Item = &'a str> + Clone) -> Self {
        let mut wide = secrets.clone().map(str::trim);
        Self {
            longest: reach(secrets),
            spaced: wide.any(|secret| secret.contains(char::is_whitespace)),
        }
    }

    /// The redacted text without what may be the beginning of a secret.
    #[must_use]
    pub fn without<'a>(&self, redacted: &'a str) -> &'a str {
        if self.longest == 0 {
            return redacted;
        }
        let sure = redacted.len().saturating_sub(self.longest);
        let sure = redacted.floor_char_boundary(sure);
        let word = redacted.trim_end_matches(|c: char| !c.is_whitespace());
        match self.spaced {
            true => &redacted[..sure],
            false => &redacted[..sure.max(word.len())],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(secret: &str, text: &str) -> String {
        let redacted = super::super::redact(text, [secret].into_iter());
        HoldBack::of([secret].into_iter())
            .without(&redacted)
            .to_owned()
    }

    /// Each character as `\\uXXXX`.
    fn escaped(text: &str) -> String {
        let units = text.encode_utf16();
        units.map(|unit| format!("\\u{unit:04x}")).collect()
    }

    #[test]
    fn no_beginning_of_a_secret_is_shown_while_it_comes() {
        for secret in ["swordfish-4711", "two words of it"] {
            let text = format!("Take {secret} and go, it is yours. ");
            let ends = (1..=text.len()).filter(|end| text.is_char_boundary(*end));
            for end in ends {
                let shown = shown(secret, &text[..end]);
                let part = (3..secret.len()).find(|n| shown.ends_with(&secret[..*n]));
                assert_eq!(part, None, "{shown}");
            }
        }
    }

    #[test]
    fn nor_of_one_that_is_escaped_and_escaped_again() {
        for secret in ["swordfish-4711", "two words of it"] {
            // The longest way to write it that the redactor knows.
            let written = escaped(&escaped(secret));
            let text = format!("Take {written} and go. ");
            for end in 1..=text.len() {
                let shown = shown(secret, &text[..end]);
                let rest = shown.strip_prefix("Take ").unwrap_or_default();
                let known = rest.is_empty() || rest.starts_with("[redacted]");
                assert!(known, "{end}: {shown}");
            }
        }
    }

    #[test]
    fn whole_words_are_shown_at_once() {
        assert_eq!(shown("swordfish", "It is a sw"), "It is a ");
        assert_eq!(
            shown("swordfish", "It is swordfish. O"),
            "It is [redacted]. "
        );
        assert_eq!(shown("ab cd", "It is a"), "");
        let long = "ä".repeat(200);
        let held = reach(["ab cd"].into_iter());
        assert_eq!(shown("ab cd", &long).len(), (400 - held) / 2 * 2);
        let none = HoldBack::of([].into_iter());
        assert_eq!(none.without("swordf"), "swordf");
        let short = HoldBack::of(["abc"].into_iter());
        assert_eq!(short.without("ab"), "ab", "it is in every text");
    }
}
