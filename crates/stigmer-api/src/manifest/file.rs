//! Reading of a file as text.

use std::path::Path;

use super::{problem::Place, types::MAX_FILE_BYTES};

/// The mark by which some editors begin a file of UTF-8; it is no part of the text.
const MARK: char = '\u{feff}';

/// The text of a file, or where and why it cannot be had.
pub(super) fn read_text(path: &Path) -> Result<String, (Place, String)> {
    let problem = |why: String| (Place::START, why);
    let metadata = std::fs::metadata(path).map_err(|e| problem(reading(&e)))?;
    if !metadata.is_file() {
        return Err(problem("is not a file".to_owned()));
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(problem(format!(
            "is too large: {} bytes of at most {MAX_FILE_BYTES}",
            metadata.len()
        )));
    }
    let bytes = std::fs::read(path).map_err(|e| problem(reading(&e)))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let last = valid.rsplit('\n').next().unwrap_or_default();
        let place = Place {
            line: valid.matches('\n').count() + 1,
            column: last.chars().count() + 1,
        };
        (place, "is not UTF-8".to_owned())
    })?;
    let unmarked = text.strip_prefix(MARK).map(str::to_owned);
    Ok(unmarked.unwrap_or(text))
}

fn reading(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}
