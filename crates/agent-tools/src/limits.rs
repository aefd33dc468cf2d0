//! How long what may take.

use std::time::Duration;

/// How long what may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the start of a server to its tools being known; twice at most.
    pub start: Duration,
    /// A call to a stdio server; an HTTP server's definition says it itself.
    pub call: Duration,
    /// Without use an execution's servers are ended after this: another runner has taken it over.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(15),
            call: Duration::from_secs(60),
            idle: Duration::from_secs(15 * 60),
        }
    }
}
