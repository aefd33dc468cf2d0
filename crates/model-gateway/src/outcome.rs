//! How an exchange ends, and who answers it.

use serde::Serialize;

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The whole answer was passed on.
    Complete,
    /// The client left before the end.
    ClientGone,
    /// The model could not be reached.
    Unreachable,
    /// The model broke off its answer.
    BrokeOff,
    /// The answer was cut because a test asked for it, or because its script was deleted.
    Cut,
    /// The gateway had no answer.
    Refused,
}

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// A script.
    Script,
    /// A cassette.
    Replay,
    /// The model.
    Live,
}
