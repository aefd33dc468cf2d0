//! `replay/CASSETTE/MODEL`: exchanges with a real model, recorded once and given again.

mod canon;
mod cassette_state;
mod file;
mod nearest;
mod readable;
mod record;
mod recorder;
mod registry;
mod replay;
mod secret;

pub use cassette_state::CassetteState;
pub use file::{Cassette, Chunk, Entry};
pub use record::record;
pub use registry::Cassettes;
pub use replay::replay;

#[cfg(test)]
mod tests;
