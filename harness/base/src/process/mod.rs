//! The one seam for everything that is spawned.

pub mod command;
mod current_exe;
mod exit;
pub mod ident;
mod inherit;
mod listener;
mod query;
mod run_to_end;
mod spawn;
mod tail;

pub use command::{Command, quoted, redact};
pub use current_exe::this_program;
pub use exit::Exit;
pub use ident::{Ident, Life};
pub use inherit::Inherit;
pub(crate) use inherit::inherited_keys;
pub use listener::listener;
pub use query::{CommandOutput, query, query_blocking};
pub use run_to_end::{run_drawing, run_to_end};
pub use spawn::{Output, Process, signal_group, spawn};
pub use tail::tail;
