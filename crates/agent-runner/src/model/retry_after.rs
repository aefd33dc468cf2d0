//! `Retry-After`: when a server that is asked too often wants to be asked again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Who wants us to wait longer is asked again after this all the same: an execution does not hang.
const MOST: Duration = Duration::from_secs(30);

pub(super) fn wait(headers: &HeaderMap) -> Option<Duration> {
    parse(headers.get(RETRY_AFTER)?.to_str().ok()?, Utc::now())
}

/// Seconds, or a date.
fn parse(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse::<f64>() {
        // What is no duration (negative, endless) is no wish.
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        Err(_) => {
            let at = DateTime::parse_from_rfc2822(value).ok()?;
            (at.to_utc() - now).to_std().unwrap_or_default()
        }
    };
    Some(wait.min(MOST))
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_bounded() {
        let now = "2026-01-31T10:00:00Z".parse().unwrap();
        for (value, expected) in [
            ("2", Some(2.0)),
            (" 0.5 ", Some(0.5)),
            ("0", Some(0.0)),
            ("3600", Some(30.0)),
            ("Sat, 31 Jan 2026 10:00:05 GMT", Some(5.0)),
            ("Sat, 31 Jan 2026 09:59:00 GMT", Some(0.0)),
            ("Sat, 31 Jan 2026 23:00:00 GMT", Some(30.0)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            let wait = parse(value, now).map(|d| d.as_secs_f64());
            assert_eq!(wait, expected, "{value}");
        }
    }
}
