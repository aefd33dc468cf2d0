//! The one seam for everything that is spawned.

pub mod ask;
mod attempt;
pub mod command;
mod exit;
pub mod ident;
mod spawn;
mod tail;
mod this;

pub use attempt::{attempt, attempt_shown};
pub use command::{Command, redact};
pub use exit::Exit;
pub use ident::Ident;
pub use spawn::{Output, Process, signal_group, spawn};
pub use tail::tail;
pub use this::this_program;
