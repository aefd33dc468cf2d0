//! The end of a text that is still being written: it may be the beginning of a secret, which can only be redacted when
//! all of it is there.

use super::{
    escapes,
    form::{SHORTEST, longest_of, parts, readings},
};

/// How much of a text's end cannot be shown yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HoldBack {
    /// Bytes that what is redacted as one takes at most, however it is written.
    longest: usize,
    /// The same of what has white space in it. No other goes on beyond a white space.
    spaced: usize,
}

impl HoldBack {
    /// What these secrets ask for.
    pub(crate) fn of<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let mut held = Self::default();
        for unit in secrets.flat_map(units) {
            let reach = escapes::reach(longest_of(&unit));
            held.longest = held.longest.max(reach);
            if unit.contains(char::is_whitespace) {
                held.spaced = held.spaced.max(reach);
            }
        }
        held
    }

    /// The redacted text without what may be the beginning of a secret.
    #[must_use]
    pub fn without<'a>(&self, redacted: &'a str) -> &'a str {
        let before = |held| redacted.len().saturating_sub(held);
        let word = redacted.trim_end_matches(|c: char| !c.is_whitespace());
        let sure = before(self.spaced).min(before(self.longest).max(word.len()));
        &redacted[..redacted.floor_char_boundary(sure)]
    }
}

/// What of a secret must not be shown by halves. Of several lines, each that is redacted alone is one, or nothing would
/// be shown as long as there is room for a whole key file. What is not redacted before the end is there holds back all
/// from itself to that end.
fn units(secret: &str) -> Vec<String> {
    let parts = parts(secret);
    let mut units = Vec::new();
    for text in readings(secret) {
        // Characters that stand in no part, since the last that does.
        let mut loose = 0;
        let mut from = 0;
        for (at, line) in lines(&text) {
            if parts.contains(line) {
                units.push(line.to_owned());
                loose = 0;
                continue;
            }
            if loose == 0 {
                from = at;
            }
            if !is_armour(line) {
                loose += line.chars().count();
            }
            // Fewer are in every text, such as the braces of a JSON file.
            if loose >= SHORTEST {
                units.push(text[from..].to_owned());
                break;
            }
        }
    }
    units
}

/// The lines of a text, also where a line break is written as JSON does it, and where each begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let written = text.match_indices("\\n");
    let mut breaks: Vec<_> = text.match_indices('\n').chain(written).collect();
    breaks.sort_unstable();
    breaks.push((text.len(), ""));
    let mut at = 0;
    breaks.into_iter().map(move |(end, written)| {
        let line = (at, text[at..end].trim());
        at = end + written.len();
        line
    })
}

/// Whether it says no more than that a key begins or ends.
fn is_armour(line: &str) -> bool {
    let begins = ["-----BEGIN ", "-----END "];
    line.ends_with("-----") && begins.iter().any(|word| line.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{Forms, redact};

    fn shown(secret: &str, text: &str) -> String {
        let forms = Forms::of([secret].into_iter());
        let redacted = redact(text, &[&forms]);
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
        let held = Forms::of(["ab cd"].into_iter()).reach();
        assert_eq!(shown("ab cd", &long).len(), (400 - held) / 2 * 2);
        let none = HoldBack::of([].into_iter());
        assert_eq!(none.without("swordf"), "swordf");
        let short = HoldBack::of(["abc"].into_iter());
        assert_eq!(short.without("ab"), "ab", "it is in every text");
    }

    /// As many characters as a line of a key file has.
    fn key_line(first: char) -> String {
        format!("{first}{}", "x7Q".repeat(21))
    }

    #[test]
    fn a_key_file_holds_back_a_line_and_not_all_of_it() {
        let (a, b) = (key_line('a'), key_line('b'));
        let key = format!(
            "-----BEGIN PRIVATE KEY-----\n{a}\n{b}\nc4s+fgh4klmn\n-----END PRIVATE KEY-----\n"
        );
        let on_one_line = key.replace('\n', "\\n");
        for (secret, written) in [
            (&key, &key),
            (&on_one_line, &key),
            (&on_one_line, &on_one_line),
        ] {
            let text = format!("Words before it.\n{written}and words after it, ");
            for end in 1..=text.len() {
                let shown = shown(secret, &text[..end]);
                let known = shown.contains("x7Q") || shown.contains("c4s+");
                assert!(!known, "{end}: {shown}");
            }
            let shown = |text: &str| shown(secret, text);
            assert!(shown(&text).ends_with("and words after it, "), "{text}");
            assert_eq!(shown("Words before it. An"), "Words before it. ");
        }
        let half = format!("It is -----BEGIN PRIVATE KEY-----\n{a}\n{}", &b[..60]);
        assert_eq!(
            shown(&key, &half),
            "It is -----BEGIN PRIVATE KEY-----\n[redacted]\n"
        );
    }

    #[test]
    fn lines_that_are_not_redacted_alone_wait_for_the_end() {
        for secret in [
            "hunter2\nswordfish",
            "hunter2\\nswordfish",
            "longer-than-most\nhunter2\nswordfish",
            "-----hunter2-----\nswordfish",
        ] {
            for written in [secret.to_owned(), escapes::plain(secret)] {
                let text = format!("Take {written} and go. ");
                for end in 1..=text.len() {
                    let shown = shown(secret, &text[..end]);
                    let half = ["hunt", "swor", "long"]
                        .iter()
                        .find(|w| shown.contains(**w));
                    assert_eq!(half, None, "{end}: {shown}");
                }
            }
        }
    }

    #[test]
    fn a_key_in_a_json_file_holds_back_a_line_of_the_key() {
        let line = key_line('M');
        let file = format!(
            "{{\n  \"type\": \"service_account\",\n  \"private_key\": \
             \"-----BEGIN PRIVATE KEY-----\\n{line}\\n-----END PRIVATE KEY-----\\n\"\n}}\n"
        );
        let held = HoldBack::of([file.as_str()].into_iter());
        assert_eq!(held.longest, escapes::reach(longest_of(&line)));
        assert!(held.spaced < held.longest, "{held:?}");
    }
}
