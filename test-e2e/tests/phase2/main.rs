//! Whole agents: CLI, server, Temporal, agent-runner, model. The first word of a test's name is
//! its lane: what answers in the model's place.

mod live;
mod replayed;
mod scripted;
mod stack;
mod volume;
