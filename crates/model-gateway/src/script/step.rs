//! What is done next for a streamed answer.

use std::time::Duration;

use axum::body::Bytes;

/// A step of a streamed answer. Steps are made as they are taken: what is still to be said takes no room.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Silence.
    Pause(Duration),
    /// Silence until the test ends it.
    Hold,
    /// Bytes.
    Say(Bytes),
    /// The connection is reset.
    Cut,
    /// The connection is closed without the answer's end.
    Close,
    /// Nothing more, and no end.
    Open,
}
