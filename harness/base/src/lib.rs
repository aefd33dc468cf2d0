//! The ground of the harness: processes, run folders, signals, configuration, the Docker client.
//!
//! Nothing of ours stands below it. Files use only what is listed before them; `tests/rooms.rs` keeps that.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

#[macro_use]
pub mod print; // before all others: they use its macros

pub mod artifacts;
pub mod cargo;
pub mod config;
pub mod context;
pub mod docker;
pub mod exit;
pub mod fingerprint;
pub mod git;
pub mod lock;
pub mod parts;
pub mod phases;
pub mod process;
pub mod random;
pub mod run;
pub mod signals;
pub mod user_dir;
pub mod variable;

pub use artifacts::Artifacts;
pub use config::{Config, platform};
pub use context::RunContext;
pub use exit::{Code, code_of, coded, mended};
pub use fingerprint::Fingerprint;
pub use parts::guest::{Guest, Part};
pub use phases::{Phase, Phases};
pub use process::{
    Command, Exit, Ident, Inherit, Output, Process, listener, query, quoted, run_to_end, spawn,
    tail, this_program,
};
pub use run::info::Info;
pub use run::{Run, runs_dir, target_dir};
pub use signals::Interrupt;
pub use variable::variable;
