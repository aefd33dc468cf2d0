//! The model gateway: OpenAI-compatible on both sides (`docs/gateway.md`). The name of the model in a request says who
//! answers: answers that a test registered ([`script`]), an earlier exchange ([`cassette`]), or the real model
//! ([`forward`]). `relay` passes bytes between two addresses, so that an address of the host means the same in a
//! container.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

pub mod access_log;
pub mod admin;
pub mod body;
pub mod budget;
pub mod canned;
pub mod cassette;
pub mod chat;
pub mod config;
pub mod connection;
pub mod corrupt;
pub mod deliver;
pub mod fault;
pub mod forward;
pub mod gateway;
pub mod listen;
pub mod outcome;
pub mod relay;
pub mod request;
pub mod response;
pub mod route;
pub mod script;
pub mod serve;
pub mod shutdown;
pub mod sse;
mod tokens;
