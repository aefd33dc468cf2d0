//! How a test fails: its first line says where, what was expected, what came, and of whom; below stand the details; the last
//! line says where to look and how to run just that again.

use std::{fmt, panic::Location};

use crate::trail;

/// The longest value, and the longest reason, on the first line, in characters.
const SHORT: usize = 200;
const REASON: usize = 600;
/// The longest of the details, in characters; the evidence has all of it.
const LONG: usize = 8000;

/// Why a test failed. Every `?` of a test makes one and keeps its place.
pub struct Failure {
    at: &'static Location<'static>,
    what: String,
    details: Vec<String>,
    about: String,
}

impl Failure {
    /// A condition that does not hold: what came in the place of what stood left of it, and of what stood right, as far as
    /// they can be shown.
    #[track_caller]
    pub fn unmet(
        condition: &str,
        came: Option<String>,
        other: Option<String>,
        detail: Option<String>,
    ) -> Self {
        let (came_short, other_short) = (came.as_deref().map(short), other.as_deref().map(short));
        let came_words = match (came_short, other_short) {
            (Some(came), Some(other)) => format!(", came {came} and {other}"),
            (Some(came), None) => format!(", came {came}"),
            _ => String::new(),
        };
        let whole = [("came", came), ("and", other)];
        let whole = whole.into_iter().filter_map(|(word, value)| {
            let value = value?;
            (value.chars().count() > SHORT).then(|| format!("{word}: {value}"))
        });
        let details = detail.into_iter().chain(whole).collect();
        Self::new(
            Location::caller(),
            format!("expected {}{came_words}", cut(condition, REASON)),
            details,
        )
    }

    /// A failure in words: the first line, and what stands below it.
    #[track_caller]
    pub fn told(words: &str) -> Self {
        Self::because(Location::caller(), words)
    }

    /// The same, with the case that it is about in front.
    #[must_use]
    pub fn within(mut self, case: &str) -> Self {
        self.what = format!("{case}: {}", self.what);
        self
    }

    fn because(at: &'static Location<'static>, reason: &str) -> Self {
        let (first, rest) = reason.split_once('\n').unwrap_or((reason, ""));
        let whole = if first.chars().count() > REASON {
            reason
        } else {
            rest
        };
        let details = (!whole.is_empty()).then(|| whole.to_owned());
        Self::new(at, cut(first, REASON), details.into_iter().collect())
    }

    fn new(at: &'static Location<'static>, what: String, details: Vec<String>) -> Self {
        let failure = Self {
            at,
            what: trail::without_secrets(&what),
            details: details
                .iter()
                .map(|it| trail::without_secrets(it))
                .collect(),
            about: trail::about(),
        };
        trail::failed(
            &failure.place(),
            &failure.what,
            &failure.about,
            &failure.details,
        );
        failure
    }

    fn place(&self) -> String {
        format!("{}:{}", self.at.file(), self.at.line())
    }
}

/// Every `?`: the first line of the reason goes to the first line, the others below it.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::because(Location::caller(), &format!("{:#}", error.into()))
    }
}

/// What the test harness prints of a test that returns one, after `Error: `.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.what)?;
        if !self.about.is_empty() {
            write!(f, " | {}", self.about)?;
        }
        for detail in &self.details {
            write!(f, "\n  {}", cut(detail, LONG).replace('\n', "\n  "))?;
        }
        write!(f, "\n  {}", trail::next_step())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.what)
    }
}

fn short(value: &str) -> String {
    let line = value.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&line, SHORT)
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text.to_owned(),
    }
}

/// Ends a test by a failure; the arguments are those of `format!`.
#[macro_export]
macro_rules! bail {
    ($($words:tt)+) => { return Err($crate::Failure::told(&format!($($words)+))) };
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use anyhow::Context;

    use crate::{Result, ensure};

    struct Silent;

    fn first(result: Result) -> String {
        let text = result.map_or_else(|failure| format!("{failure:?}"), |()| "passed".to_owned());
        let line = text.lines().next().unwrap_or_default();
        // The place is this file's, whose lines move.
        let (place, what) = line.split_once(": ").unwrap_or((line, ""));
        assert!(place.starts_with("test-e2e/src/failure.rs:"), "{text}");
        what.to_owned()
    }

    #[test]
    fn a_condition_says_what_came() {
        let (answer, list) = ("It is 41.".to_owned(), vec![1, 2]);
        let halves = || -> Result {
            ensure!(list.len() == 2 && answer == "It is 42.", "{list:?}");
            Ok(())
        };
        assert_eq!(
            first(halves()),
            "expected answer == \"It is 42.\", came \"It is 41.\""
        );
        let both = || -> Result {
            ensure!(list.len() > answer.len(),);
            Ok(())
        };
        assert_eq!(
            first(both()),
            "expected list.len() > answer.len(), came 2 and 9"
        );
        let looks = || -> Result {
            ensure!(!answer.contains("41"),);
            Ok(())
        };
        assert_eq!(
            first(looks()),
            "expected !answer.contains(\"41\"), came \"It is 41.\""
        );
        let plain = || -> Result {
            ensure!(matches!(list[..], [_]), "no {}", "debug");
            Ok(())
        };
        assert_eq!(first(plain()), "expected matches!(list[..], [_])");
        let silent = || -> Result {
            ensure!(Some(Silent).is_none());
            Ok(())
        };
        assert_eq!(first(silent()), "expected Some(Silent).is_none()");
    }

    #[test]
    fn a_question_mark_keeps_its_place_and_reason() {
        fn fails() -> anyhow::Result<()> {
            anyhow::bail!("no such thing\n  it was looked for here")
        }
        let asks = || -> Result {
            fails().context("the agent")?;
            Ok(())
        };
        assert_eq!(first(asks()), "the agent: no such thing");
        let text = format!("{:?}", asks().unwrap_err());
        assert!(text.contains("\n    it was looked for here\n"), "{text}");
    }

    #[test]
    fn long_values_stand_below() {
        let value = "x".repeat(900);
        let long = || -> Result {
            ensure!(value.is_empty());
            Ok(())
        };
        let text = format!("{:?}", long().unwrap_err());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].len() < 400 && lines[0].ends_with("xx.."), "{text}");
        assert!(lines[1].contains(&value), "{text}");
    }
}
