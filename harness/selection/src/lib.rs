//! Tests as nextest knows them: which there are and in which lanes, which of them a run takes, what came of them, and what
//! earlier runs tell a later one. Nothing here starts a service.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

#[macro_use]
extern crate harness_base; // printing that ends no run

pub mod changed;
pub mod expression;
pub mod history;
pub mod lanes;
pub mod nextest;
pub mod nextest_metadata;
pub mod previous;
pub mod report;
pub mod stress;

pub use previous::{Selection, Unfinished};
