//! `model-gateway`, between runners and model. It takes the model's address as it is told: whether anybody answers there is
//! asked by the live lane's own check.

use crate::service::{ContainerNeeds, Health, Place, ServiceSpec, optional, without_proxies};
use crate::wiring::Wiring;
use harness_base::{Command, Inherit};
use std::path::Path;
use std::time::Duration;

pub(super) const PORT: u16 = 8080;

/// A gateway; `logs` is where a process keeps the exchanges.
pub fn spec(wiring: &Wiring, place: Place<'_>, logs: &Path, limit: Duration) -> ServiceSpec {
    let announce = place.scratch("address");
    let command = Command::default()
        .inherit(Inherit::Proxied)
        .args(["serve"])
        .env("GATEWAY_HOST", place.host())
        .env("GATEWAY_PORT", place.port(PORT))
        .env("GATEWAY_MODE", wiring.gateway_mode.to_string())
        .env("LOG_LEVEL", "info");
    let command = match place {
        Place::Process { .. } => command
            .env(
                "GATEWAY_EXCHANGES",
                logs.join("exchanges.jsonl").to_string_lossy(),
            )
            .env("STIGMER_ANNOUNCE_FILE", &announce),
        // Whether its model is behind the proxy is for whoever knows the model's address to say.
        Place::Container => without_proxies(command.env("GATEWAY_EXCHANGES", "-"), place),
    };
    ServiceSpec {
        command: optional(command, "GATEWAY_UPSTREAM", wiring.upstream.as_deref()),
        health: Health::Announced {
            file: announce.into(),
            inside: PORT,
        },
        limit,
        container: ContainerNeeds {
            program: "model-gateway",
            publishes: Some(PORT),
            memory: "128m",
            ..ContainerNeeds::default()
        },
        described: None,
    }
}
