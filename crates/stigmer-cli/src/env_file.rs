//! `--env-file`.

mod value;

use std::{
    collections::HashMap,
    env,
    fs::File,
    io::{self, Read},
    path::Path,
};

use anyhow::Result;
use stigmer_api::validate::is_env_name;

use crate::failure::Failure;
use value::{Given, MOST, line_of};

/// A variable of a file.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: String,
    /// `FILE:LINE`, where it begins.
    pub(crate) place: String,
}

/// The variables of a dotenv file, in its order. Errors name file and line and never a value.
pub(crate) fn read(file: &Path) -> Result<Vec<Entry>> {
    let shown = file.display();
    let refuse = |nth: usize, why: &str| Failure::usage(format!("{shown}:{nth}: {why}"));
    let bytes =
        bytes_of(file).map_err(|error| Failure::usage(format!("--env-file {shown}: {error}")))?;
    let nth = |at: usize| bytes[..at].iter().filter(|&&b| b == b'\n').count() + 1;
    let text = str::from_utf8(&bytes).map_err(|error| {
        refuse(
            nth(error.valid_up_to()),
            "is not UTF-8; save the file as UTF-8",
        )
    })?;
    if let Some(at) = text.find(is_no_text) {
        let why = "has a character that no text has: a NUL, or one that Unicode says is none";
        return Err(refuse(nth(at), why));
    }
    let mut rest = text.trim_start_matches('\u{feff}');
    let (mut entries, mut known): (Vec<Entry>, HashMap<String, String>) = Default::default();
    let (mut line_nr, mut filled) = (1, 0);
    while !rest.is_empty() {
        let (line, behind) = line_of(rest);
        let written = line.trim_start();
        let next = match written.is_empty() || written.starts_with('#') {
            true => behind,
            false => {
                let key = key_of(line).map_err(|why| refuse(line_nr, why))?;
                let given = Given {
                    find: &|name| env::var(name).ok().or_else(|| known.get(name).cloned()),
                    room: MOST.saturating_sub(filled),
                };
                let equals = line.find('=').map_or(line.len(), |at| at + 1);
                let (value, next) = value::read(&rest[equals..], &given)
                    .map_err(|why| refuse(line_nr, &format!("the value of {key} {why}")))?;
                filled += value.len();
                known.insert(key.to_owned(), value.clone());
                entries.push(Entry {
                    key: key.to_owned(),
                    value,
                    place: format!("{shown}:{line_nr}"),
                });
                next
            }
        };
        line_nr += rest[..rest.len() - next.len()].matches('\n').count();
        rest = next;
    }
    Ok(entries)
}

/// All of a file, unless it is too large.
fn bytes_of(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = MOST as u64 + 1;
    File::open(file)?.take(most).read_to_end(&mut bytes)?;
    if bytes.len() > MOST {
        let why =
            format!("has more than {MOST} bytes, which no file of variables has; name another");
        return Err(io::Error::other(why));
    }
    Ok(bytes)
}

fn is_no_text(c: char) -> bool {
    matches!(c, '\0' | '\u{fdd0}'..='\u{fdef}')
}

/// The name that a line gives a value to. An error never repeats it: a secret may stand in its place.
fn key_of(line: &str) -> Result<&str, &'static str> {
    let (key, _) = line.split_once('=').ok_or(
        "is not KEY=VALUE, a comment that begins with `#`, or a part of a value in quotes; write \
         KEY=VALUE",
    )?;
    let key = key.trim();
    let exported = key.strip_prefix("export").map(|k| (k, k.trim_start()));
    let key = match exported {
        Some((behind, name)) if behind != name => name,
        _ => key,
    };
    match is_env_name(key) {
        true => Ok(key),
        false => Err(
            "has a key that is not a name of letters, digits and `_` (no digit first); write KEY=VALUE",
        ),
    }
}

#[cfg(test)]
mod tests;
