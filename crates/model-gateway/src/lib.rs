//! The model gateway: OpenAI-compatible on both sides (`docs/gateway.md`). The name of the model in a request says who
//! answers: answers that a test registered ([`script`]), an earlier exchange ([`cassette`]), or the real model
//! ([`forward`]).

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

pub mod access_log;
pub mod admin;
pub mod aside;
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
pub mod footprint;
pub mod forward;
pub mod gateway;
pub mod hop_by_hop;
pub mod listen;
pub mod outcome;
pub mod request;
pub mod response;
pub mod route;
pub mod script;
pub mod serve;
pub mod shutdown;
pub mod sse;
mod tokens;

#[cfg(test)]
mod tests {
    /// The files from the ground up: each imports earlier ones only.
    const ROOMS: &[&str] = &[
        "aside.rs",
        "budget.rs",
        "config.rs",
        "connection.rs",
        "footprint.rs",
        "hop_by_hop.rs",
        "outcome.rs",
        "route.rs",
        "sse.rs",
        "tokens.rs",
        "body.rs",
        "listen.rs",
        "response.rs",
        "request.rs",
        "access_log.rs",
        "canned.rs",
        "corrupt.rs",
        "shutdown.rs",
        "deliver.rs",
        "forward.rs",
        "fault/effect.rs",
        "fault/rule.rs",
        "fault/mod.rs",
        "cassette/secret.rs",
        "cassette/canon.rs",
        "cassette/readable.rs",
        "cassette/file.rs",
        "cassette/nearest.rs",
        "cassette/cassette_state.rs",
        "cassette/registry.rs",
        "cassette/recorder.rs",
        "cassette/record.rs",
        "cassette/replay.rs",
        "cassette/mod.rs",
        "script/condition.rs",
        "script/step.rs",
        "script/request_log.rs",
        "script/piece.rs",
        "script/tool.rs",
        "script/raw.rs",
        "script/answer.rs",
        "script/openai_stream.rs",
        "script/raw_stream.rs",
        "script/script_state.rs",
        "script/registry.rs",
        "script/report.rs",
        "script/respond.rs",
        "script/mod.rs",
        "gateway.rs",
        "admin/reply.rs",
        "admin/cassettes.rs",
        "admin/faults.rs",
        "admin/scripts.rs",
        "admin/mod.rs",
        "chat.rs",
        "serve.rs",
        "lib.rs",
        "main.rs",
    ];

    #[test]
    fn no_file_imports_one_above_it() -> Result<(), rooms::Faults> {
        rooms::check(env!("CARGO_MANIFEST_DIR"), ROOMS, &[])
    }
}
