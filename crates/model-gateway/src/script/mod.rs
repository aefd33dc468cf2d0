//! `script/KEY`: answers that a test registered, and what was asked of them.

mod answer;
mod condition;
mod openai_stream;
mod piece;
mod raw;
mod raw_stream;
mod registry;
mod report;
mod request_log;
mod respond;
mod script_state;
mod step;
mod tool;

pub use answer::ScriptedAnswer;
pub use condition::When;
pub use piece::Piece;
pub use raw::{End, Raw};
pub use registry::Scripts;
pub use report::report;
pub use respond::respond;
pub use script_state::{Missing, Script};
pub use tool::Tool;

#[cfg(test)]
mod tests;
