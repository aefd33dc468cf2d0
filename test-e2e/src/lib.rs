//! What a test of the platform holds: the running [`Stack`], the [`Api`] of its server, the
//! `stigmer` [command](Cli), a [`Project`] to deploy, and ways to wait without sleeping.
//!
//! A test starts, stops and configures nothing. It is isolated by names of its own
//! ([`unique`]) in one stack that all tests share; one that must hurt a service asks
//! [`Control`] for an instance of its own.

mod agents;
mod answer;
mod api;
mod ask;
mod cassette;
mod cli;
mod control;
mod fixtures;
mod gateway;
mod project;
mod script;
mod seen_request;
mod skill;
mod stack;
mod temporal;
mod wait;

pub use agents::{NewAgent, stdio};
pub use answer::Answer;
pub use api::Api;
pub use ask::{Ask, Done};
pub use cassette::Cassette;
pub use cli::{Cli, Output};
pub use control::{Control, Ended, Instance, own_pair};
pub use fixtures::{agent, environment, execution, instance, reference, session};
pub use project::{Project, agent_yaml};
pub use script::Script;
pub use seen_request::SeenRequest;
pub use skill::SkillFolder;
pub use stack::{GatewayEndpoint, McpEndpoint, ModelEndpoint, Stack, TemporalEndpoint};
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
