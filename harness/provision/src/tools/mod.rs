//! Pinned tools in a per-user cache.

pub mod cache;
pub mod clean;
pub mod install;
mod job;
pub mod manifest;
mod pip;
mod progress;
mod source;
mod stage;

pub use cache::{cache_dir, folder, installed};
