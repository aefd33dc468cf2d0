//! When a server that is asked too often wants to be asked again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;

/// Who wants us to wait longer is asked again after this all the same: an execution does not hang.
const MOST: Duration = Duration::from_secs(30);

/// For who is asked too often and does not say when: limits are by the minute, and an answer is asked for five times.
const UNSAID: Duration = Duration::from_secs(5);

/// Headers, those first that tell it most exactly. LiteLLM passes on those of the provider behind it under a prefix.
const HEADERS: [&str; 3] = ["retry-after-ms", "x-ms-retry-after-ms", "retry-after"];
const PASSED_ON: &str = "llm_provider-";

/// What stands before a time in a body: Google's `RetryInfo`, and words.
const WORDS: [&str; 5] = [
    "retrydelay",
    "retry in",
    "again in",
    "retry after",
    "again after",
];

/// How long to wait after an answer of `status`; `None` as long as always.
pub(super) fn wait(status: u16, headers: &HeaderMap, body: &str) -> Option<Duration> {
    let wait = told(headers, body).or_else(|| (status == 429).then_some(UNSAID))?;
    Some(wait.min(MOST))
}

/// How long a server wants us to wait, where it says so.
pub(super) fn told(headers: &HeaderMap, body: &str) -> Option<Duration> {
    let mut names = ["", PASSED_ON].into_iter().flat_map(|prefix| {
        let name = move |name: &str| format!("{prefix}{name}");
        HEADERS.into_iter().map(name)
    });
    let in_header = |name: String| {
        let value = headers.get(&name)?.to_str().ok()?;
        match name.ends_with("-ms") {
            true => seconds(value.trim().parse::<f64>().ok()? / 1e3),
            false => of_header(value, Utc::now()),
        }
    };
    names.find_map(in_header).or_else(|| of_body(body))
}

/// What is no duration (negative, endless) is no wish.
fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

/// Seconds, or a date.
fn of_header(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    match value.parse() {
        Ok(number) => seconds(number),
        Err(_) => {
            let at = DateTime::parse_from_rfc2822(value).ok()?;
            Some((at.to_utc() - now).to_std().unwrap_or_default())
        }
    }
}

/// In a body that may be JSON in a text in JSON, so it is not parsed.
fn of_body(body: &str) -> Option<Duration> {
    let body = body.to_ascii_lowercase();
    WORDS.iter().find_map(|words| {
        let (_, rest) = body.split_once(words)?;
        let quotes = |c: char| c.is_whitespace() || ['"', '\\', ':'].contains(&c);
        duration(rest.trim_start_matches(quotes))
    })
}

/// What a text begins with: `45.8s`, `1m26.4s`, `320ms`, `20 seconds`, `20`.
fn duration(text: &str) -> Option<Duration> {
    let (mut rest, mut sum) = (text, None);
    loop {
        let number = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let Ok(count) = rest[..rest.len() - number.len()]
            .trim_end_matches('.')
            .parse::<f64>()
        else {
            return seconds(sum?);
        };
        let unit = number.trim_start();
        rest = unit.trim_start_matches(|c: char| c.is_ascii_lowercase());
        let factor = match &unit[..unit.len() - rest.len()] {
            "ms" | "milliseconds" => 1e-3,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3600.0,
            _ => 1.0,
        };
        sum = Some(sum.unwrap_or(0.0) + count * factor);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood() {
        let now = "2026-01-31T10:00:00Z".parse().unwrap();
        for (value, expected) in [
            ("2", Some(2.0)),
            (" 0.5 ", Some(0.5)),
            ("0", Some(0.0)),
            ("Sat, 31 Jan 2026 10:00:05 GMT", Some(5.0)),
            ("Sat, 31 Jan 2026 09:59:00 GMT", Some(0.0)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            let wait = of_header(value, now).map(|d| d.as_secs_f64());
            assert_eq!(wait, expected, "{value}");
        }
    }

    /// In milliseconds.
    fn waits(status: u16, headers: &[(&'static str, &str)], body: &str) -> Option<u128> {
        let headers = headers.iter().map(|(name, value)| {
            let name = reqwest::header::HeaderName::from_static(name);
            (name, value.parse().unwrap())
        });
        wait(status, &headers.collect(), body).map(|it| it.as_millis())
    }

    #[test]
    fn the_most_exact_header_counts_and_is_bounded() {
        let both = [("retry-after", "1"), ("retry-after-ms", "320")];
        assert_eq!(waits(429, &both, ""), Some(320));
        assert_eq!(waits(429, &[("x-ms-retry-after-ms", "70")], ""), Some(70));
        assert_eq!(
            waits(503, &[("llm_provider-retry-after", "2")], ""),
            Some(2000)
        );
        assert_eq!(waits(429, &[("retry-after", "3600")], ""), Some(30_000));
        // A proxy's own limit is told before that of a provider behind it.
        let own = [("llm_provider-retry-after", "2"), ("retry-after", "4")];
        assert_eq!(waits(429, &own, ""), Some(4000));
        assert_eq!(
            waits(429, &[("retry-after", "soon")], "retry in 3s"),
            Some(3000)
        );
    }

    #[test]
    fn a_body_tells_it_too() {
        for (body, millis) in [
            (
                r#"[{"error":{"code":429,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"17.837906927s"}]}}]"#,
                17_837,
            ),
            (
                r#"{"error":{"message":"VertexAIException - {\n \"error\": {\"retryDelay\": \"21s\"}}"}}"#,
                21_000,
            ),
            ("Rate limit reached. Please try again in 320ms.", 320),
            (
                "Limit 6000, used 5800. Please try again in 1m6.4s. Visit",
                30_000,
            ),
            ("Please try again in 0m2.5s.", 2500),
            ("Please retry after 15 seconds.", 15_000),
            ("Please retry in 3.", 3000),
        ] {
            assert_eq!(waits(429, &[], body), Some(millis), "{body}");
        }
    }

    #[test]
    fn who_does_not_say_when_is_asked_later_only_after_too_many_questions() {
        for body in [
            "",
            "slow down",
            "try again in a moment",
            "retry after Sat, 31 Jan",
        ] {
            assert_eq!(waits(429, &[], body), Some(5000), "{body}");
            assert_eq!(waits(503, &[], body), None, "{body}");
        }
    }
}
