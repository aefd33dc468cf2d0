//! `mcp-probe`, the MCP server that tests give to agents, by HTTP.

use crate::service::{ContainerNeeds, Health, Place, ServiceSpec, without_proxies};
use harness_base::{Command, Inherit};
use std::time::Duration;

const PORT: u16 = 8080;

/// The MCP server.
pub fn spec(place: Place<'_>, limit: Duration) -> ServiceSpec {
    let announce = place.scratch("address");
    let command = Command::default()
        .inherit(Inherit::System)
        .args(["http"])
        .env("MCP_PROBE_HOST", place.host())
        .env("MCP_PROBE_PORT", place.port(PORT))
        .env("LOG_LEVEL", "info");
    ServiceSpec {
        command: match place {
            Place::Process { .. } => command.env("STIGMER_ANNOUNCE_FILE", &announce),
            Place::Container => without_proxies(command, place),
        },
        health: Health::Announced {
            file: announce.into(),
            inside: PORT,
        },
        limit,
        container: ContainerNeeds {
            program: "mcp-probe",
            memory: "128m",
            ..ContainerNeeds::default()
        },
        described: None,
    }
}
