//! Addresses of this host's loopback in an instance's environment mean the same inside: a relay that shares the
//! instance's network listens there.

use super::Containers;
use super::inside::hardened;
use crate::engine;
use crate::exit::Code;
use crate::images::Part;
use crate::stack::native::Native;
use anyhow::Context;
use std::collections::BTreeSet;
use std::time::Duration;

/// The engine may have to set up a network card and a volume on a disk that compiles.
pub const START: Duration = Duration::from_secs(60);
/// Where a relay answers for its health, in the network that it shares.
const HEALTH: &str = "8079";

/// Ports of this host's loopback that values name.
fn loopback_ports<'a>(values: impl Iterator<Item = &'a str>) -> BTreeSet<u16> {
    let mut found = BTreeSet::new();
    for value in values {
        for (at, text) in value.match_indices("127.0.0.1:") {
            let digits: String = value[at + text.len()..]
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            found.extend(digits.parse::<u16>());
        }
    }
    found
}

/// A relay whose network the instance shares; `None` where its environment names no address of this host.
///
/// # Errors
/// When the engine does not start it.
pub async fn start(
    stack: &Native,
    containers: &Containers,
    name: &str,
    env: &[(String, String)],
) -> anyhow::Result<Option<String>> {
    let mut routes = Vec::new();
    for port in loopback_ports(env.iter().map(|(_, value)| value.as_str())) {
        let to = match containers.behind(port) {
            Some(inside) => inside,
            // Nobody listens there, and inside nobody shall: the refusal is what the test wants.
            None if crate::stack::lease::is_free(port) => continue,
            None => containers.host.open(port).await?,
        };
        routes.push(format!("--route=127.0.0.1:{port}={to}"));
    }
    if routes.is_empty() {
        return Ok(None);
    }
    let relay = format!("{name}-way");
    let command = hardened(containers, &relay)
        .args([
            "--network",
            &containers.project,
            "--publish",
            "127.0.0.1::7234",
        ])
        .args(["--add-host", "host.docker.internal:host-gateway"])
        .args([
            "--entrypoint",
            "/model-gateway",
            containers.image(Part::Gateway),
        ])
        .args(["relay", "--port", HEALTH])
        .args(routes);
    engine::ask(stack.run.own(command), START, Code::NotReady)
        .await
        .context("start a relay")?;
    Ok(Some(relay))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_values() {
        let values = [
            "http://127.0.0.1:4001/v1",
            "127.0.0.1:4002",
            "temporal:7233",
            "127.0.0.1:x",
        ];
        assert_eq!(loopback_ports(values.into_iter()), [4001, 4002].into());
    }
}
