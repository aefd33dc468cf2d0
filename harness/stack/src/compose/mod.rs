//! The container runtime: services by Compose, instances of tests' own beside them on the same network, nothing left after.

pub mod client;
pub mod container;
mod container_spec;
pub mod containers;
mod host_proxy;
mod keys;
mod model_route;
pub(crate) mod rewrite_env;
mod shared;
pub mod test_container;
pub mod test_instance;
mod up;
mod up_command;
mod volume;

#[cfg(test)]
mod policy;

pub use shared::{again, anew, attach, found_again, ready, retire};
pub use up::{exec_in, prepare, up};
pub use volume::fill_volume;
