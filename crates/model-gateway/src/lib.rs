//! The model gateway: OpenAI-compatible on both sides. `forward` passes requests on to one address and its answers back,
//! chunk by chunk; `relay` passes bytes between two addresses, so that an address of the host means the same in a
//! container.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

pub mod answer;
pub mod config;
pub mod exchange;
pub mod forward;
pub mod health;
pub mod listen;
pub mod relay;
