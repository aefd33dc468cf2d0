//! The platform itself is hurt, or refuses; the model is a script where one is needed.

mod disk;
mod faults;
mod follow;
mod kill;
mod network;
mod original;
mod pinned;
mod refused;
mod settings;
mod survive;
