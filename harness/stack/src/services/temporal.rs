//! Temporal's dev server, everything in memory.

use super::NAMESPACE;
use crate::service::{ContainerNeeds, Health, Place, ServiceSpec};
use crate::temporal_cli::without_profiles;
use harness_base::{Command, Inherit};
use std::path::Path;
use std::time::Duration;

const PORT: u16 = 7233;

/// Without these the dev server dispatches 20 tasks a second and fires timers up to a second late: an agent run takes
/// 300 ms instead of 52.
const DYNAMIC: [&str; 5] = [
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxTimeShift=\"1ms\"",
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
];

/// `temporal server start-dev`, with its web page at a port, or without.
pub fn spec(place: Place<'_>, web: Option<u16>, limit: Duration) -> ServiceSpec {
    let port = match place {
        Place::Process { port, .. } => port,
        Place::Container => PORT,
    };
    let web = web.map_or("--headless".to_owned(), |port| format!("--ui-port={port}"));
    let mut command = Command::default()
        .inherit(Inherit::System)
        .args(["server".to_owned(), "start-dev".into(), web])
        .args([format!("--ip={}", place.host()), format!("--port={port}")])
        .args([
            format!("--namespace={NAMESPACE}"),
            "--log-level=error".into(),
        ]);
    for value in DYNAMIC {
        command = command.args([format!("--dynamic-config-value={value}")]);
    }
    if let Place::Process { dir, .. } = place {
        command = without_profiles(command, dir);
    }
    ServiceSpec {
        command,
        health: Health::Asked(health_args(&format!("127.0.0.1:{port}"))),
        limit,
        container: ContainerNeeds {
            program: "temporal",
            publishes: Some(PORT),
            scratch: &["/tmp"],
            memory: "1g",
            ..ContainerNeeds::default()
        },
        described: None,
    }
}

fn health_args(address: &str) -> Vec<String> {
    ["operator", "cluster", "health", "--address", address]
        .map(str::to_owned)
        .into()
}

/// Asks one in a container whether it answers for its cluster, by the `temporal` of this host.
pub fn health(bin: &Path, address: &str, home: &Path) -> Command {
    let command = Command::new(bin).args(health_args(address));
    without_profiles(command.inherit(Inherit::System), home)
}
