//! What the services do, as functions on a transaction: one rule in one place.

pub(crate) mod agent;
pub(crate) mod context;
pub(crate) mod entity;
pub(crate) mod environment;
pub(crate) mod execution;
pub(crate) mod kinds;
pub(crate) mod references;
pub(crate) mod skill;

pub(crate) use entity::{apply, by_reference, create, update};
