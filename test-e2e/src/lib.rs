//! What a test of the platform holds: the running [`Stack`], the [`Api`] of its server, the
//! `stigmer` [command](Cli), a [`Project`] to deploy, and ways to wait without sleeping.
//!
//! A test starts, stops and configures nothing. It is isolated by names of its own
//! ([`unique`]) in one stack that all tests share; one that must hurt a service asks
//! [`Control`] for an instance of its own.

// `ensure!` names this crate by its name, here too.
extern crate self as test_e2e;

mod agents;
mod answer;
mod api;
mod ask;
mod cassette;
mod cli;
mod control;
pub mod evidence;
mod failure;
mod fixtures;
mod gateway;
mod payloads;
mod project;
mod script;
mod seen_request;
mod shown;
mod skill;
mod stack;
mod temporal;
mod trail;
mod wait;

pub use agents::{NewAgent, stdio};
pub use answer::Answer;
pub use api::Api;
pub use ask::{Ask, Done};
pub use cassette::Cassette;
pub use cli::{Cli, Output};
pub use control::{Control, Ended, Instance, own_pair};
pub use failure::Failure;
pub use fixtures::{agent, environment, execution, instance, reference, session};
pub use project::{Project, agent_yaml};
pub use script::Script;
pub use seen_request::SeenRequest;
#[doc(hidden)]
pub use shown::{Value, ViaDebug, ViaNothing};
pub use skill::SkillFolder;
pub use stack::{GatewayEndpoint, McpEndpoint, ModelEndpoint, Stack, TemporalEndpoint};
pub use temporal::{Event, Temporal};
pub use test_e2e_ensure::ensure;
pub use wait::{follow, is_answering, until, until_ended, until_phase};

/// What a test returns. Helpers of this crate return [`anyhow::Result`]: the `?` of the test is the place that counts.
pub type Result<T = (), E = Failure> = std::result::Result<T, E>;

/// A name that nobody else uses: `hint`, a dash, and 26 characters.
pub fn unique(hint: &str) -> String {
    format!(
        "{hint}-{}",
        ulid::Ulid::generate().to_string().to_lowercase()
    )
}
