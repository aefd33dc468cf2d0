//! Cassettes: recorded from a model, given again, missed loudly.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;
mod keys;
mod recording;
mod replay;
