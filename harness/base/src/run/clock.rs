//! Times as people and file names need them. UTC, since evidence travels.

use std::time::{Duration, SystemTime};

/// `20260131-101530`.
pub fn compact(time: SystemTime) -> String {
    rfc3339(time).replace(['-', ':', 'Z'], "").replace('T', "-")
}

/// RFC 3339 in UTC, whole seconds.
pub fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// `0.04 s`, `12.3 s`.
pub fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 {
        format!("{seconds:.2} s")
    } else {
        format!("{seconds:.1} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn dates() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(rfc3339(at(951_827_696)), "2000-02-29T12:34:56Z");
        assert_eq!(compact(at(1_769_854_530)), "20260131-101530");
    }
}
