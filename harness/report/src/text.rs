//! Texts and times for people.

use serde_json::Value;
use std::path::Path;

/// At most so many characters, and how many bytes more there are.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}.. ({} bytes more)", &text[..end], text.len() - end),
        None => text.to_owned(),
    }
}

/// A file's text, bytes that are none replaced: one of them shall not hide all the others. Nothing where there is no file.
///
/// # Errors
/// Why it cannot be read.
pub fn read(path: &Path) -> Result<String, std::io::Error> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(why) => Err(why),
    }
}

/// On one line.
pub fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text of a field; nothing where it is none.
pub fn field(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// Each line behind `indent`.
pub fn indented(text: &str, indent: &str) -> String {
    text.lines()
        .map(|line| format!("{indent}{line}\n"))
        .collect()
}

/// Milliseconds since 1970 of an RFC 3339 time in UTC, or with an offset as nextest writes it.
pub fn millis(time: &str) -> Option<i64> {
    let (date, clock) = time.split_once('T')?;
    let at = clock.find(['+', '-', 'Z']).unwrap_or(clock.len());
    let since = humantime::parse_rfc3339(&format!("{date}T{}Z", &clock[..at])).ok()?;
    let since = since.duration_since(std::time::UNIX_EPOCH).ok()?;
    let offset = &clock[at..];
    let minutes = match offset.get(1..).and_then(|rest| rest.split_once(':')) {
        Some((hours, minutes)) => hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?,
        None => 0,
    };
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    Some(i64::try_from(since.as_millis()).ok()? - sign * minutes * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_an_offset() {
        let utc = millis("2026-11-23T09:00:01.500Z").unwrap();
        assert_eq!(millis("2026-11-23T10:00:01.500+01:00"), Some(utc));
        assert_eq!(millis("2026-11-23T04:30:01.500-04:30"), Some(utc));
        assert_eq!(millis("yesterday"), None);
        assert_eq!(cut("äöü", 2), "äö.. (2 bytes more)");
    }
}
