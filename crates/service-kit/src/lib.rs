//! What every service process does alike: it ends when told to, announces itself, and answers for its health. Also which
//! addresses are this machine's own.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

mod announce;
pub mod health;
mod loopback;
mod stop;

pub use announce::announce;
pub use loopback::is_loopback;
pub use stop::Stop;
