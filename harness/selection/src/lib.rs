//! What earlier runs tell a later one: which tests failed or did not run, how long things took. Which tests changed, and
//! those that are repeated until one fails.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

pub mod changed;
pub mod expression;
pub mod history;
pub mod junit;
pub mod previous;
pub mod stress;

pub use previous::{Selection, Unfinished};
