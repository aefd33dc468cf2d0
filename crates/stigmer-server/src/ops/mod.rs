//! What the services do, as functions on a transaction: one rule in one place.

pub(crate) mod agent;
mod audit;
pub(crate) mod context;
mod entity;
pub(crate) mod environment;
pub(crate) mod execution;
mod kinds;
mod lifecycle;
mod lookup;
mod redacted_input;
mod references;
pub(crate) mod skill;
pub(crate) mod upgrade;
mod valid;

pub(crate) use entity::Entity;
pub(crate) use lifecycle::{apply, create, update};
pub(crate) use lookup::{by_reference, skill_by_reference};
pub(crate) use valid::{Report, Valid};

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
