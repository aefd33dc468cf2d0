//! What the commands do, one file each.

pub mod ci;
pub mod down;
pub mod images;
pub mod logs;
pub mod prereqs;
pub mod relay;
pub mod report;
pub mod status;
pub mod tools;
pub mod up;
