//! What `LOG_LEVEL` says.

use anyhow::ensure;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The filter of a log level or a filter, where empty is `info`.
///
/// # Errors
/// For a word that is no level. A filter takes one for a target, and logs nothing of all others: a slip of the pen
/// would silence the log without a word.
pub fn log_filter(told: &str) -> anyhow::Result<&str> {
    let told = told.trim();
    if told.is_empty() {
        return Ok("info");
    }
    // A comma may stand in a span's fields.
    if !told.contains('[') {
        for word in told.split(',').map(str::trim) {
            ensure!(
                word.is_empty() || word.contains('=') || is_level(word),
                "LOG_LEVEL: `{word}` is no level: it takes {}, or a filter like info,TARGET=debug",
                LEVELS.join(", ")
            );
        }
    }
    Ok(told)
}

/// As filters have it: whatever its case, or a number.
fn is_level(word: &str) -> bool {
    let number = word.parse().is_ok_and(|level: usize| level < LEVELS.len());
    number || LEVELS.iter().any(|it| it.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_level_is_refused_with_those_that_are() {
        for word in ["inof", "LOUD", "6", "information", "stigmer_server", "-1"] {
            for told in [word.to_owned(), format!("info,{word}")] {
                let refused = log_filter(&told).unwrap_err().to_string();
                let named = refused.contains(&format!("`{word}`"));
                assert!(named && refused.contains("warn, info, debug"), "{refused}");
            }
        }
    }

    #[test]
    fn levels_and_filters_are_taken_and_empty_is_the_default() {
        for told in ["", " ", "\n"] {
            assert_eq!(log_filter(told).unwrap(), "info");
        }
        for told in [
            "info",
            "WARN",
            "off",
            "5",
            "info,h2=trace",
            "h2=debug",
            "warn,stigmer_server::ops=trace,",
            "info,a[b{c=1,d}]=debug",
        ] {
            assert_eq!(log_filter(&format!(" {told}")).unwrap(), told);
        }
    }
}
