//! A stack: services that become ready, as processes or containers, endpoints that tests use, an end that leaves nothing.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

pub mod alone;
pub mod bring_up;
pub mod compose;
pub mod control;
mod disk;
pub mod end;
pub mod evidence;
pub mod external;
pub mod file;
pub mod handle;
pub mod kept;
mod launch;
pub mod lease;
pub mod member;
mod network;
pub mod outside;
pub mod pollers;
mod private;
pub mod ready;
pub mod relay;
pub mod service;
pub mod services;
pub mod stack;
pub mod start;
mod temporal_cli;
pub mod there;
pub mod ways;
pub mod wiring;

pub use bring_up::Up;
pub use file::{Runtime, StackFile};
pub use member::Owner;
pub use stack::Stack;
pub use wiring::{Ports, Wiring};
