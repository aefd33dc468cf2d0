//! Why the model gave no answer.

use std::{fmt, time::Duration};

/// Why the model gave no answer.
#[derive(Debug)]
pub(crate) struct ModelError {
    /// What kind of trouble, as Temporal shows it.
    pub(crate) kind: &'static str,
    pub(crate) why: String,
    /// Whether the same question may be answered the next time.
    pub(crate) retryable: bool,
    /// When it says that it may be asked again.
    pub(crate) retry_after: Option<Duration>,
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// The start of a text that somebody else wrote, on one line.
pub(super) fn excerpt(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = line.join(" ");
    match line.char_indices().nth(300) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn long_bodies_are_cut() {
        assert_eq!(excerpt(" a\n b "), "a b");
        assert_eq!(excerpt(&"ä".repeat(400)).chars().count(), 303);
    }
}
