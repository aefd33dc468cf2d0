//! The one seam for everything that is spawned.

pub mod ask;
pub mod command;
pub mod ident;
mod spawn;

pub use command::{Command, redact};
pub use ident::Ident;
pub use spawn::{Exit, Output, Process, attempt, signal_group, spawn};
