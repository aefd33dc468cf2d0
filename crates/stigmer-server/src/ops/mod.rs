//! What the services do, as functions on a transaction: one rule in one place.

pub(crate) mod agent;
mod audit;
pub(crate) mod context;
pub(crate) mod environment;
pub(crate) mod execution;
pub(crate) mod kinds;
pub(crate) mod lifecycle;
mod lookup;
mod redacted_input;
pub(crate) mod references;
pub(crate) mod skill;

pub(crate) use lifecycle::{apply, create, update};
pub(crate) use lookup::by_reference;
