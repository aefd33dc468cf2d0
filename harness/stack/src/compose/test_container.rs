//! A container that stands beside Compose's, for its restart.

use crate::pollers::Pollers;
use crate::service::Described;
use harness_provision::Binary;
use std::time::Duration;

/// A container beside Compose's.
#[derive(Clone, Debug)]
pub struct TestContainer {
    /// Its name, also on the network.
    pub name: String,
    /// Its program, in it.
    pub program: String,
    /// The port that is published on loopback.
    pub publishes: Option<u16>,
    /// How one sees that it is ready.
    pub check: Check,
    /// Longest time from start to ready.
    pub limit: Duration,
    /// Where it is described, if it is somebody else's build.
    pub described: Option<Described>,
}

/// How one sees that a container is ready.
#[derive(Clone, Debug)]
pub enum Check {
    /// Its own program is asked with these arguments, in it.
    Inside(Vec<String>),
    /// A binary of this host has the health check for its published port: the tests' own way, and quicker.
    Outside(Binary),
    /// Its published port is.
    Listening,
    /// It polls a queue.
    Polls(Pollers),
}
