//! Whole agents: CLI, server, Temporal, agent-runner, model.

mod cancel;
mod complete;
mod faults;
mod follow;
mod memory;
mod refused;
mod secrets;
mod survive;
