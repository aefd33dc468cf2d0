//! Characters of two UTF-16 units whose halves come in two pieces: servers in JavaScript cut texts between them.

use memchr::memchr;

/// Where halves are kept until the other one comes: at the end of what is for private use.
const KEPT: u32 = 0x10_F800;
/// How all of these begin in UTF-8.
const FIRST_BYTE: u8 = 0xF4;
const HALVES: u32 = 0xD800;

/// A half, as a character that can stand in a text.
pub(super) fn kept(unit: u16) -> char {
    let at = KEPT + (u32::from(unit) & 0x7FF);
    char::from_u32(at).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The half that such a character stands for.
fn half(character: char) -> Option<u16> {
    let at = u32::from(character).checked_sub(KEPT)?;
    u16::try_from(HALVES + at).ok()
}

/// The text with its halves put together; one that is alone is U+FFFD.
pub(super) fn joined(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut halves = Halves::default();
    halves.push(&mut joined, text);
    halves.end(&mut joined);
    joined
}

/// The first half of a character whose second may be in the next piece.
#[derive(Default)]
pub(super) struct Halves(Option<u16>);

impl Halves {
    /// Adds a piece to a text.
    pub(super) fn push(&mut self, text: &mut String, piece: &str) {
        if self.0.is_none() && memchr(FIRST_BYTE, piece.as_bytes()).is_none() {
            text.push_str(piece);
            return;
        }
        for character in piece.chars() {
            let half = half(character);
            let pair = self.0.zip(half).map(|(first, second)| [first, second]);
            let whole = pair.and_then(|pair| char::decode_utf16(pair).next()?.ok());
            if let Some(whole) = whole {
                self.0 = None;
                text.push(whole);
                continue;
            }
            self.end(text);
            match half {
                Some(_) => self.0 = half,
                None => text.push(character),
            }
        }
    }

    /// Nothing follows.
    pub(super) fn end(&mut self, text: &mut String) {
        if self.0.take().is_some() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_joined_wherever_they_are_cut() {
        let [high, low] = [kept(0xD83D), kept(0xDE00)];
        let cases = [
            (format!("a{high}{low}b"), "a\u{1F600}b"),
            (format!("{high}{high}{low}"), "\u{FFFD}\u{1F600}"),
            (format!("{low}a{high}"), "\u{FFFD}a\u{FFFD}"),
            (format!("{low}{high}"), "\u{FFFD}\u{FFFD}"),
            ("\u{1F600}\u{10F7FF}".to_owned(), "\u{1F600}\u{10F7FF}"),
        ];
        for (text, expected) in cases {
            assert_eq!(joined(&text), expected, "{text:?}");
            let (mut pieces, mut halves) = (String::new(), Halves::default());
            for character in text.chars() {
                halves.push(&mut pieces, &character.to_string());
            }
            halves.end(&mut pieces);
            assert_eq!(pieces, expected, "{text:?}");
        }
    }
}
