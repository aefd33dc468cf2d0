//! The Docker Engine, asked through its own client.

mod client;
mod explain;
pub mod facts;
pub mod labels;
pub mod leftovers;

pub use client::{ANSWER, ask, docker, elsewhere};
pub use explain::{explain, gone, is_absent, is_silent, registry};
