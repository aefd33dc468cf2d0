//! What stands behind the `=` of a variable in a dotenv file.
//!
//! Quotes count where a value begins with one, escapes between double quotes only: `{"a": "b"}`,
//! `it's` and `C:\new` are what they look like. `${NAME}` is replaced outside single quotes, and any
//! other `$` is one: of the password `s3cr$t9` nothing may be lost. `\$` is a `$` outside single
//! quotes.

use stigmer_api::validate::is_env_name;

/// Bytes that a file has at most, and that all its values have once they are filled: people write
/// it, `/dev/zero` never ends, and values that use each other double with each line.
pub(super) const MOST: usize = 1 << 20;

/// Why a value cannot be read, as a phrase that never repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("begins with a `{0}` that nothing closes; put all of it into {quotes}", quotes = other(*.0))]
    Open(char),
    #[error("goes on behind the closing `{0}`; put all of it into {quotes}", quotes = other(*.0))]
    Behind(char),
    #[error(
        "has a `\\` between double quotes before something else than n, a blank, `\\`, `$` or a quote; \
         put the value into single quotes"
    )]
    Escape,
    #[error(
        "uses a `${{NAME}}` that is neither in the environment of this command nor a line before; for \
         the text itself put it into single quotes"
    )]
    Nowhere,
    #[error("once its `${{NAME}}` is filled has, with those before it, more than {MOST} bytes")]
    Long,
}

/// The quotes for a value in which `quote` stands.
fn other(quote: char) -> &'static str {
    match quote {
        '"' => "single quotes",
        _ => "double quotes",
    }
}

/// What a value may use.
pub(super) struct Given<'a> {
    /// The value of a name.
    pub(super) find: &'a dyn Fn(&str) -> Option<String>,
    /// How many bytes may be filled in.
    pub(super) room: usize,
}

/// The value at the beginning of `text`, which goes on to the end of the file, and what follows its
/// last line.
pub(super) fn read<'t>(text: &'t str, given: &Given<'_>) -> Result<(String, &'t str), Fault> {
    let start = text.trim_start_matches(|c: char| c.is_whitespace() && c != '\n');
    let Some(quote @ ('"' | '\'')) = start.chars().next() else {
        let (line, rest) = line_of(text);
        let end = comment(line).unwrap_or(line.len());
        return Ok((given.bare(line[..end].trim())?, rest));
    };
    let inside = &start[1..];
    let (value, behind) = match quote {
        '"' => given.double(inside)?,
        _ => inside
            .split_once('\'')
            .map(|(value, behind)| (value.to_owned(), behind))
            .ok_or(Fault::Open(quote))?,
    };
    let (line, rest) = line_of(behind);
    match line[..comment(line).unwrap_or(line.len())].trim() {
        "" => Ok((value, rest)),
        _ => Err(Fault::Behind(quote)),
    }
}

/// The first line, without its end, and what follows it.
pub(super) fn line_of(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// Where a comment begins: at a `#` behind a blank.
fn comment(line: &str) -> Option<usize> {
    let mut signs = line.match_indices('#').map(|(at, _)| at);
    signs.find(|at| line[..*at].ends_with(char::is_whitespace))
}

impl Given<'_> {
    /// A value without quotes.
    fn bare(&self, text: &str) -> Result<String, Fault> {
        let (mut out, mut rest) = (String::new(), text);
        while let Some(at) = rest.find('$') {
            let (before, behind) = (&rest[..at], &rest[at + 1..]);
            let text = before.trim_end_matches('\\');
            let backslashes = before.len() - text.len();
            out.push_str(text);
            out.push_str(&before[text.len()..][..backslashes / 2]);
            rest = match backslashes % 2 {
                0 => self.dollar(behind, &mut out)?,
                _ => {
                    out.push('$');
                    behind
                }
            };
        }
        Ok(out + rest)
    }

    /// A value in double quotes, and what follows the closing one.
    fn double<'t>(&self, text: &'t str) -> Result<(String, &'t str), Fault> {
        let (mut out, mut rest) = (String::new(), text);
        while let Some(at) = rest.find(['"', '\\', '$']) {
            out.push_str(&rest[..at]);
            let behind = &rest[at + 1..];
            rest = match rest.as_bytes()[at] {
                b'"' => return Ok((out, behind)),
                b'\\' => {
                    out.push(match behind.chars().next() {
                        Some('n') => '\n',
                        Some(c @ ('\\' | '\'' | '"' | '$' | ' ')) => c,
                        _ => return Err(Fault::Escape),
                    });
                    &behind[1..]
                }
                _ => self.dollar(behind, &mut out)?,
            };
        }
        Err(Fault::Open('"'))
    }

    /// Writes what a `$` before `behind` means; the rest is what follows that.
    fn dollar<'t>(&self, behind: &'t str, out: &mut String) -> Result<&'t str, Fault> {
        let braced = behind.strip_prefix('{').unwrap_or_default();
        let end = braced.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, rest) = braced.split_at(end.unwrap_or(braced.len()));
        let Some(rest) = rest.strip_prefix('}').filter(|_| is_env_name(name)) else {
            out.push('$');
            return Ok(behind);
        };
        let value = (self.find)(name).ok_or(Fault::Nowhere)?;
        if out.len() + value.len() > self.room {
            return Err(Fault::Long);
        }
        out.push_str(&value);
        Ok(rest)
    }
}
