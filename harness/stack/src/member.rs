//! A member of a stack: what it is, whose, and what it is started from again.

use crate::compose::test_container::TestContainer;
use crate::handle::Handle;
use crate::ready::Ready;
use crate::service::Described;
use harness_base::Command;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One member of a stack.
#[derive(Clone, Debug)]
pub struct Member {
    /// What it is started from again.
    pub origin: LaunchSpec,
    /// When it is ready.
    pub ready: Ready,
    /// Longest time from start to ready.
    pub limit: Duration,
    /// What it is.
    pub handle: Handle,
    /// Whose it is.
    pub owner: Owner,
    /// Where this host reaches it, `HOST:PORT`, once it is ready.
    pub address: Option<String>,
    /// Where it is described, if it is somebody else's build.
    pub described: Option<Described>,
}

impl Member {
    /// One of a stack's own that was just started.
    pub fn shared(origin: LaunchSpec, ready: Ready, limit: Duration, handle: Handle) -> Self {
        Self {
            origin,
            ready,
            limit,
            handle,
            owner: Owner::Shared,
            address: None,
            described: None,
        }
    }
}

/// A process that is to be started, and when it is ready.
#[derive(Clone, Debug)]
pub struct Launch {
    /// What is run.
    pub command: Command,
    /// When it is ready.
    pub ready: Ready,
    /// Longest time from start to ready.
    pub limit: Duration,
    /// Where it is described, if it is somebody else's build.
    pub described: Option<Described>,
}

/// Whose a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// All tests share it: none may hurt it.
    Shared,
    /// One test's own.
    Test,
}

/// What a member is started from again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum LaunchSpec {
    /// A command on this host.
    Command(Command),
    /// A container of its own.
    #[serde(skip)]
    Container(TestContainer),
    /// Compose, which starts its services together.
    Compose {
        /// The port that is published on loopback.
        publishes: Option<u16>,
    },
}

/// What is different where a stack outlives the command that starts it.
#[derive(Clone, Debug, Default)]
pub struct Stay {
    /// The service that its user starts.
    pub mine: Option<String>,
    /// Whether Temporal has its web page.
    pub web: bool,
}
