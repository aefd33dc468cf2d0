//! What a stack is: services that become ready, endpoints that tests use, an end that leaves nothing.

pub mod bins;
pub mod choose;
pub mod compose;
pub mod control;
pub mod end;
pub mod external;
pub mod file;
pub mod lease;
pub mod life;
pub mod members;
pub mod native;
pub mod parts;
pub mod ready;
pub mod services;
pub mod temporal;

/// Where the services run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Runtime {
    /// Phase 2 in containers where Docker has the images of these sources already, else host processes; says why
    Auto,
    /// Host processes in their own process groups
    Native,
    /// Phase 2 in containers by Docker Compose; images that are missing are built first
    Docker,
    /// Somebody else's stack: E2E_SERVER_ADDR, E2E_TEMPORAL_ADDR
    External,
}
