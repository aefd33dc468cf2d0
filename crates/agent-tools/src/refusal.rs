//! What came over HTTP in place of an answer.

use reqwest::StatusCode;

/// Why a request over HTTP has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// Nothing came, or not all of it.
    #[error(transparent)]
    Failed(#[from] reqwest::Error),
    #[error("HTTP {status}{}", behind(.words))]
    Refused { status: StatusCode, words: String },
    /// It would take headers, with the secrets in them, elsewhere.
    #[error("HTTP {status} leads to {location}, where our headers do not go by themselves")]
    Moved {
        status: StatusCode,
        location: String,
    },
    /// The same, of what a stream names as the address for messages.
    #[error("its endpoint leads to {location}; have the server name its public address")]
    Astray { location: String },
    /// A stream that named no address for messages.
    #[error("its stream of events ended before it named the address for messages")]
    Ended,
    /// A success without a message in it.
    #[error("HTTP {status} without an answer{}", behind(.words))]
    Unanswered { status: StatusCode, words: String },
}

fn behind(words: &str) -> String {
    match words {
        "" => String::new(),
        words => format!(": {words}"),
    }
}
