//! Zip files of skills. The server checks what it is sent, the runner unpacks it, the CLI packs it; all by the same rules.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

mod error;
#[cfg(test)]
mod floors;
mod inflate;
pub mod limits;
mod name;
mod names;
mod pack;
mod read;
mod skip;
#[cfg(test)]
mod tests;

pub use error::SkillError;
pub use pack::pack;
pub use read::{SKILL_MD, SkillInfo, check, unpack};
