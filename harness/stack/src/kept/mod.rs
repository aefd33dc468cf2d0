//! Stacks that outlive the command that started them: found again, brought up to date, changed by hand.

mod change;
mod deed;
mod record;
mod refresh;
mod stack;
pub mod status;
mod weather;

pub use change::Change;
pub use deed::Deed;
pub use record::{keep, newest};
pub use stack::KeptStack;
