//! How a process ended.

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Exit code, if it ended by itself.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

impl Exit {
    /// Of something that nobody can say more about.
    pub const UNKNOWN: Self = Self {
        code: None,
        signal: None,
    };
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (
            self.code,
            self.signal.and_then(|number| Signal::try_from(number).ok()),
        ) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => write!(f, "{}", signal.as_str()),
            (None, None) => match self.signal {
                Some(number) => write!(f, "signal {number}"),
                None => f.write_str("an exit that nobody saw"),
            },
        }
    }
}
