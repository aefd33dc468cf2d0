//! Where programs, models and images come from: what is there already, what is fetched, what is built.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

#[macro_use]
extern crate harness_base; // printing that ends no run

pub mod address;
pub mod binaries;
pub mod build;
pub mod choose;
pub mod images;
pub mod model;
pub mod model_plan;
pub mod ollama;
pub mod prereqs;
pub mod programs;
pub mod python_tools;
pub mod tools;

pub use binaries::{Binary, check_theirs};
pub use model::{Model, ModelChoice, ModelFiles, ModelKind};
pub use model_plan::{GatewayMode, LiveModel, Mode, ModelPlan};
pub use programs::{Found, Located, Program, Source};
