//! `stigmer-server`.

use super::{NAMESPACE, TASK_QUEUE};
use crate::service::{ContainerNeeds, Health, Place, ServiceSpec, optional, without_proxies};
use crate::wiring::Wiring;
use harness_base::{Command, Inherit};
use std::time::Duration;

pub(super) const PORT: u16 = 7234;

/// A server with data of its own.
pub fn spec(wiring: &Wiring, place: Place<'_>, limit: Duration) -> ServiceSpec {
    let announce = place.scratch("address");
    let command = Command::default()
        .inherit(Inherit::Traced)
        .env("GRPC_HOST", place.host())
        .env("GRPC_PORT", place.port(PORT))
        .env("DB_PATH", place.data("stigmer.redb"))
        .env("TEMPORAL_NAMESPACE", NAMESPACE)
        .env("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE", TASK_QUEUE)
        .env("LOG_LEVEL", "info");
    let command = match place {
        Place::Process { .. } => command.env("STIGMER_ANNOUNCE_FILE", &announce),
        Place::Container => command,
    };
    let spec = ServiceSpec {
        command: without_proxies(
            optional(command, "TEMPORAL_ADDRESS", wiring.temporal()),
            place,
        ),
        health: Health::Announced {
            file: announce.into(),
            inside: PORT,
        },
        limit,
        container: ContainerNeeds {
            program: "stigmer-server",
            publishes: Some(PORT),
            keeps_data: true,
            memory: "512m",
            ..ContainerNeeds::default()
        },
        described: None,
    };
    spec.with_secret(place, "STIGMER_RUNNER_KEY", wiring.runner_key.as_deref())
}
