//! What a test of the platform holds: the running [`Stack`], the [`Api`] of its server, the
//! `stigmer` [command](Cli), a [`Project`] to deploy, and ways to wait without sleeping.
//!
//! A test starts, stops and configures nothing. It is isolated by names of its own
//! ([`unique`]) in one stack that all tests share; one that must hurt a service asks
//! [`Control`] for an instance of its own.

mod api;
mod cli;
mod control;
mod held;
mod project;
mod relay;
mod stack;
mod temporal;
mod wait;

pub use api::{Api, agent, execution, phase};
pub use cli::{Cli, Output};
pub use control::{Control, Ended, Instance, own_pair};
pub use held::HeldModel;
pub use project::{Project, agent_yaml};
pub use relay::Relay;
pub use stack::{ModelAt, Stack, TemporalAt};
pub use temporal::{Event, Temporal};
pub use wait::{follow, is_answering, until, until_ended, until_phase};

/// What a test returns.
pub type Result<T = (), E = anyhow::Error> = std::result::Result<T, E>;

/// A name that nobody else uses: `hint`, a dash, and 26 characters.
pub fn unique(hint: &str) -> String {
    format!(
        "{hint}-{}",
        ulid::Ulid::generate().to_string().to_lowercase()
    )
}
