//! What a machine must have, each thing with the command that mends it where it is missing.

pub mod checks;
pub mod finding;
mod fix;
pub mod provided;
pub mod table;
