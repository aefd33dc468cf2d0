//! `script/KEY`: answers that a test registered, and what was asked of them.

mod answer;
mod condition;
mod openai_stream;
mod registry;
mod request_log;
mod respond;
mod script_state;

pub use answer::{Piece, ScriptedAnswer, Tool};
pub use condition::When;
pub use registry::Scripts;
pub use respond::respond;
pub use script_state::{Missing, Script};
