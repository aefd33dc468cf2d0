//! Times as executions carry them.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

/// Now.
pub fn now() -> String {
    written(Utc::now())
}

/// `at` as text: RFC 3339 in UTC, to the millisecond.
pub fn of(at: SystemTime) -> String {
    written(at.into())
}

fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_utc_to_the_millisecond() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
        assert_eq!(of(at), "2023-11-14T22:13:20.123Z");
        assert_eq!(now().len(), of(at).len());
        assert!(now().as_str() > "2023-11-14T22:13:20.123Z");
    }
}
