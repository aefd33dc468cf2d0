//! The platform itself is hurt, or refuses; the model is a script where one is needed.

mod collector;
mod disk;
mod exporting;
mod faults;
mod follow;
mod kill;
mod network;
mod original;
mod pinned;
mod refused;
mod renewed;
mod requests;
mod settings;
mod spans;
mod survive;
mod unheard;
