//! What the services do, as functions on a transaction: one rule in one place.

pub(crate) mod agent;
mod audit;
pub(crate) mod context;
pub(crate) mod entity;
pub(crate) mod environment;
pub(crate) mod execution;
mod hidden;
pub(crate) mod kinds;
mod lookup;
pub(crate) mod references;
pub(crate) mod skill;

pub(crate) use entity::{apply, create, update};
pub(crate) use lookup::by_reference;
