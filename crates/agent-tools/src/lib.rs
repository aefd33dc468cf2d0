//! What an agent acts with: MCP servers as child processes or over HTTP, the files of its skills. Secrets go to servers
//! and nowhere else: whatever comes back is redacted first.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

mod catalog;
mod causes;
mod child_transport;
mod client;
mod clients;
mod connection;
mod env;
mod error;
mod events;
mod execution;
mod files;
mod fitted_name;
mod http;
mod http_answers;
mod http_client;
mod interpreter;
mod legacy_http;
mod limits;
mod listing;
mod message;
mod openings;
mod outcome;
mod process;
mod redact;
mod refusal;
mod request;
mod schema;
mod skills;
mod stderr;
mod stdio;
mod strays;
mod tools;
mod toolset;
mod wire;
mod work_dir;

pub use connection::CLOSE_GRACE;
pub use env::{Env, EnvVar, FillError};
pub use error::{Kind, ToolsError};
pub use limits::Limits;
pub use redact::HoldBack;
pub use skills::skills_prompt;
pub use tools::{IDEMPOTENCY_KEY, Tools};
pub use toolset::{SkillFiles, ToolList, ToolOutcome, ToolSpec, Toolset};
pub use wire::mended as mended_json;

#[cfg(test)]
mod tests {
    /// The files from the ground up: each imports earlier ones only.
    const ROOMS: &[&str] = &[
        "redact/escapes.rs",
        "redact/form.rs",
        "redact/view.rs",
        "redact/streaming_redaction.rs",
        "redact.rs",
        "redact/json.rs",
        "env.rs",
        "error.rs",
        "interpreter.rs",
        "limits.rs",
        "strays.rs",
        "work_dir.rs",
        "toolset.rs",
        "refusal.rs",
        "fitted_name.rs",
        "schema/keys.rs",
        "schema/refs.rs",
        "schema/keywords.rs",
        "schema/advice.rs",
        "schema.rs",
        "listing.rs",
        "wire/mend.rs",
        "wire.rs",
        "causes.rs",
        "message.rs",
        "child_transport.rs",
        "client.rs",
        "request.rs",
        "clients.rs",
        "events.rs",
        "http_answers.rs",
        "openings.rs",
        "http_client.rs",
        "legacy_http.rs",
        "stderr.rs",
        "process.rs",
        "outcome.rs",
        "files.rs",
        "skills.rs",
        "catalog.rs",
        "connection.rs",
        "stdio.rs",
        "http.rs",
        "execution.rs",
        "tools/executions.rs",
        "tools/servers.rs",
        "tools.rs",
        "lib.rs",
    ];

    #[test]
    fn no_file_imports_one_above_it() -> Result<(), rooms::Faults> {
        rooms::check(env!("CARGO_MANIFEST_DIR"), ROOMS, &[])
    }
}
