//! The end of a text that is still being written: it may be the beginning of a secret, which can only be redacted when
//! all of it is there.

use crate::EnvVar;

/// A byte of a secret takes so many at most, however it is written: as `\\u0041` in JSON in JSON,
/// its backslash written as `\u005c`.
const WIDEST: usize = 12;

/// How much of a text's end cannot be shown yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HoldBack {
    /// Bytes of the longest secret, as long as it can be written.
    longest: usize,
    /// Whether a secret has white space in it. No other goes on beyond a white space.
    spaced: bool,
}

impl HoldBack {
    /// What these variables ask for.
    pub fn of<'a>(vars: impl IntoIterator<Item = &'a EnvVar>) -> Self {
        let secrets = vars.into_iter().filter(|v| v.is_secret);
        secrets.fold(Self::default(), |held, var| {
            let secret = var.value.trim();
            Self {
                longest: held.longest.max(secret.len() * WIDEST),
                spaced: held.spaced || secret.contains(char::is_whitespace),
            }
        })
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
    use crate::Env;

    use super::*;

    fn var(value: &str) -> EnvVar {
        EnvVar {
            value: value.to_owned(),
            is_secret: true,
        }
    }

    fn shown(secret: &str, text: &str) -> String {
        let env: Env = [("S".to_owned(), var(secret))].into_iter().collect();
        let redacted = env.redact(text);
        HoldBack::of([&var(secret)]).without(&redacted).to_owned()
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
    fn whole_words_are_shown_at_once() {
        assert_eq!(shown("swordfish", "It is a sw"), "It is a ");
        assert_eq!(
            shown("swordfish", "It is swordfish. O"),
            "It is [redacted]. "
        );
        assert_eq!(shown("ab cd", "It is a"), "");
        let long = "ä".repeat(100);
        assert_eq!(shown("ab cd", &long), "ä".repeat(70));
        assert_eq!(HoldBack::of([]).without("swordf"), "swordf");
        let open = EnvVar {
            is_secret: false,
            ..var("swordfish")
        };
        assert_eq!(HoldBack::of([&open]).without("swordf"), "swordf");
    }
}
