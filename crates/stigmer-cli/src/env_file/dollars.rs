//! What `$` means in a dotenv file: `${NAME}` is replaced, and any other `$` is one.
//!
//! dotenvy would replace `$NAME` too, and put nothing where a name is nowhere: of the password
//! `s3cr$t9` it would leave `s3cr`. So it is given signs in the place of what is not to be replaced,
//! and around what is.

use std::env;

use stigmer_api::validate::is_env_name;

/// Stands for a `$` that is one.
const DOLLAR: char = '\u{fdd0}';
/// Before a `${NAME}` stands OPEN NAME NAMED, behind it CLOSE.
const OPEN: char = '\u{fdd1}';
const NAMED: char = '\u{fdd2}';
const CLOSE: char = '\u{fdd3}';

/// Whether `c` is one of the signs. Unicode calls them no characters: no text has them.
pub(super) fn is_sign(c: char) -> bool {
    (DOLLAR..=CLOSE).contains(&c)
}

/// The text as dotenvy is to read it.
pub(super) fn with_signs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, behind) = (&rest[..at], &rest[at + 1..]);
        out.push_str(before);
        let backslashes = before.len() - before.trim_end_matches('\\').len();
        let name = behind.strip_prefix('{').and_then(|b| b.split_once('}'));
        let name = name.map(|(name, _)| name).filter(|name| is_env_name(name));
        rest = behind;
        match name {
            // Escaped, or in single quotes the text that it looks like.
            _ if backslashes % 2 == 1 => out.push('$'),
            Some(name) => {
                out.push(OPEN);
                out.push_str(name);
                out.push(NAMED);
                out.push_str(&format!("${{{name}}}"));
                out.push(CLOSE);
                rest = &behind[name.len() + 2..];
            }
            None => out.push(DOLLAR),
        }
    }
    out + rest
}

/// A value as it is meant. Nothing where it uses a name that is neither of our environment nor
/// `known`.
pub(super) fn without_signs(value: &str, known: impl Fn(&str) -> bool) -> Option<String> {
    let mut out = String::with_capacity(value.len());
    // The names that are open, each with where its value begins.
    let mut open: Vec<(&str, usize)> = Vec::new();
    let mut rest = value;
    while let Some(at) = rest.find(is_sign) {
        out.push_str(&rest[..at]);
        let sign = rest[at..].chars().next()?;
        rest = &rest[at + sign.len_utf8()..];
        match sign {
            DOLLAR => out.push('$'),
            OPEN => {
                let (name, behind) = rest.split_once(NAMED)?;
                open.push((name, out.len()));
                rest = behind;
            }
            _ => {
                let (name, start) = open.pop()?;
                let is_there = || env::var(name).is_ok() || known(name);
                if out.len() == start && !is_there() {
                    return None;
                }
            }
        }
    }
    out.push_str(rest);
    Some(out)
}
