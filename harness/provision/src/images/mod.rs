//! Our images, from the same cargo build as everything, tagged by the hash of what went into them.

mod binaries;
mod build;
mod build_context;
mod component;
mod layer;
mod layout;
mod present;
mod registry;
mod tag;
mod wanted;

pub use build::{all, compile, make};
pub use component::{Component, Image};
pub use present::{absent, clean, list};
pub use registry::{pull, push};
pub use wanted::{for_tests, wanted, with_guests};
