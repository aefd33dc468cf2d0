//! Spans of the platform, exported by OTLP over HTTP where `OTEL_EXPORTER_OTLP_ENDPOINT` says to whom. Where it says
//! nothing there is no queue, no connection, and a [`Span`] is nothing.
//!
//! `OpenTelemetry`'s own crates were weighed: `docs/design.md` says why they are not here.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

mod collector;
mod exporter;
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "generated, and described where they are defined"
)]
pub mod messages;
mod settings;
mod span;

pub use exporter::{END, Exporting, start};
pub use span::{Kind, Span, enabled};

#[cfg(test)]
mod tests {
    /// The files from the ground up: each imports earlier ones only.
    const ROOMS: &[&str] = &[
        "messages.rs",
        "settings.rs",
        "collector.rs",
        "span.rs",
        "exporter.rs",
        "lib.rs",
    ];

    #[test]
    fn no_file_imports_one_above_it() -> Result<(), rooms::Faults> {
        rooms::check(env!("CARGO_MANIFEST_DIR"), ROOMS, &[])
    }
}
