//! Durations on the command line.

use std::time::Duration;

/// `500ms`, `30s`, `2m`, or a bare number of seconds; more than none, at most a day.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("write it like 500ms, 30s or 2m".to_owned()),
    };
    let seconds = digits.parse::<f64>().ok().map(|n| n * unit);
    let seconds = seconds.ok_or("write it like 500ms, 30s or 2m")?;
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    // A part of a nanosecond is rounded to none.
    match !duration.is_zero() && duration <= Duration::from_secs(86_400) {
        true => Ok(duration),
        false => Err("must be more than 0 and at most a day".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_bounded() {
        assert_eq!(parse("30"), Ok(Duration::from_secs(30)));
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("1.5m"), Ok(Duration::from_secs(90)));
        for bad in [
            "",
            "s",
            "0",
            "-1s",
            "1d",
            "25h",
            "inf",
            "nan",
            "1e99",
            "0.0000000001s",
            "86400.5s",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
