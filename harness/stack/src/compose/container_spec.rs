//! A service as a container: what a container of a test's own is started with, and what `compose.yaml` must say too.

use super::containers::Containers;
use super::host_proxy::HOST_NAME;
use super::keys::volume;
use crate::service::{Health, KEYS, ServiceSpec};
use harness_base::Command;
use harness_base::docker::docker;

/// Nobody: no user of the host has this id.
pub(super) const USER: &str = "65532:65532";
/// The most processes; the most that one has had under the tests is 40.
pub(super) const PIDS: u64 = 256;
/// Options of every folder that can be written.
pub(super) const SCRATCH: &str = "uid=65532,gid=65532,mode=0700";
/// The longest log.
pub(super) const LOG: &str = "50m";

/// A disk that can be filled, in bytes: a server's file takes less, what fills it takes a moment.
pub(super) const SMALL_DISK: u64 = 32 << 20;

/// The name of this host, for engines in a machine of their own.
pub(super) fn host_entry() -> String {
    format!("{HOST_NAME}:host-gateway")
}

/// How the container's own program is asked whether it is ready.
pub(super) fn health_args(health: &Health) -> Vec<String> {
    match health {
        Health::Announced { inside, .. } => {
            let address = format!("127.0.0.1:{inside}");
            vec!["healthcheck".into(), "--address".into(), address]
        }
        Health::Asked(args) => args.clone(),
        // Nobody in a container is asked so, or it is not asked itself.
        Health::Http { .. } | Health::Listening | Health::Grpc | Health::Polls(_) => Vec::new(),
    }
}

/// `docker run` for it, but for its environment.
pub(super) fn run(
    containers: &Containers,
    (name, alias): (&str, &str),
    image: &str,
    spec: &ServiceSpec,
) -> Command {
    let needs = &spec.container;
    let pids = PIDS.to_string();
    let mut command = docker(["run", "--detach", "--name", name])
        .args(["--network", &containers.project, "--network-alias", alias])
        .args(["--user", USER, "--read-only", "--cap-drop", "ALL"])
        .args(["--security-opt", "no-new-privileges:true"])
        .args(["--pids-limit", &pids, "--memory", needs.memory])
        .args(["--restart", "no", "--pull", "never"])
        .args(["--add-host".to_owned(), host_entry()])
        .args(["--log-driver", "json-file", "--log-opt"])
        .args([format!("max-size={LOG}")]);
    for (label, value) in &containers.labels {
        command = command.args(["--label".to_owned(), format!("{label}={value}")]);
    }
    for folder in needs.scratch {
        command = command.args(["--tmpfs".to_owned(), format!("{folder}:{SCRATCH}")]);
    }
    if let Some(port) = needs.publishes {
        let at = needs
            .published_at
            .map_or_else(String::new, |port| port.to_string());
        command = command.args(["--publish".to_owned(), format!("127.0.0.1:{at}:{port}")]);
    }
    if let Some(folder) = &spec.command.cwd {
        command = command.args([
            "--workdir".to_owned(),
            folder.to_string_lossy().into_owned(),
        ]);
    }
    if needs.keeps_data {
        let mut volume = format!("type=volume,source={name},destination=/data");
        for (label, value) in &containers.labels {
            volume += &format!(",volume-label={label}={value}");
        }
        if needs.small_disk {
            volume += ",volume-opt=type=tmpfs,volume-opt=device=tmpfs";
            volume += &format!(",\"volume-opt=o=size={SMALL_DISK},{SCRATCH}\"");
        }
        command = command.args(["--mount".to_owned(), volume]);
    }
    if !needs.keys.is_empty() {
        let source = volume(&containers.project, needs.program);
        let mount = format!("type=volume,source={source},destination={KEYS},readonly");
        command = command.args(["--mount".to_owned(), mount]);
    }
    if needs.init {
        command = command.args(["--init"]);
    }
    // By name only: the values are in the client's environment, where nobody sees them.
    for var in &spec.command.env {
        command = command
            .args(["--env", &var.name])
            .secret(&var.name, &var.value);
    }
    command
        .args(["--entrypoint".to_owned(), spec.inside()])
        .args([image.to_owned()])
        .args(spec.command.args.iter().cloned())
}
