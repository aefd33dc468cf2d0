//! The Docker Engine, asked through its own client.

mod client;
pub mod labels;
pub mod leftovers;

pub use client::{ANSWER, ask, docker, elsewhere, explain, gone, is_absent, is_silent, registry};
