//! An MCP server for tests of agents: each tool shows one thing that reaches a server, or goes wrong in one way.

pub mod config;
pub mod notes;
pub mod serve;
mod specs;
pub mod tools;
