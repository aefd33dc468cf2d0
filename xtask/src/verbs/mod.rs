//! What the commands do, one file each.

pub mod bench;
pub mod ci;
pub mod down;
pub mod fault;
pub mod images;
pub mod logs;
pub mod mutants;
pub mod prereqs;
pub mod relay;
pub mod report;
pub mod service;
pub mod status;
pub mod timings;
pub mod tools;
pub mod up;
pub mod wait;
pub mod watch;
