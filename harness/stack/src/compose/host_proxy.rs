//! The way from a container to a port of this host's loopback. Listens on the address that the run's own bridge has on
//! this host, never on a public one, and lets only the run's containers through.

use crate::relay::{Peers, Relay};
use harness_base::Code;
use harness_base::docker::{self, ANSWER, docker};
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};

/// What an engine in a machine of its own calls this host's loopback; every container has the name.
pub(super) const HOST_NAME: &str = "host.docker.internal";

/// This host, as containers of a run see it.
#[derive(Debug)]
pub struct HostProxy {
    bridge: Option<(Ipv4Addr, u32)>,
    relays: Mutex<Vec<Relay>>,
}

impl HostProxy {
    /// Looks at a network.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn of(network: &str) -> anyhow::Result<Self> {
        let format = "{{range .IPAM.Config}}{{.Gateway}} {{.Subnet}}\n{{end}}";
        let said = docker(["network", "inspect", "--format", format, network]);
        let said = docker::ask(said, ANSWER, Code::NotReady).await?;
        // Where the engine is in a machine of its own (Docker Desktop, rootless), its bridge is not ours to listen on.
        let bridge = said
            .lines()
            .find_map(parse)
            .filter(|(address, _)| std::net::TcpListener::bind((*address, 0)).is_ok());
        Ok(Self {
            bridge,
            relays: Mutex::default(),
        })
    }

    /// The run's bridge on this host, and how long its network's prefix is; `None` where the engine is in a machine of its
    /// own.
    pub fn bridge(&self) -> Option<(Ipv4Addr, u32)> {
        self.bridge
    }

    /// Opens a way to `127.0.0.1:port`; what containers have to ask, `HOST:PORT`. It lasts as long as this value.
    ///
    /// # Errors
    /// When nothing can be bound.
    pub async fn open(&self, port: u16) -> anyhow::Result<String> {
        let Some((address, prefix)) = self.bridge else {
            return Ok(format!("{HOST_NAME}:{port}"));
        };
        let peers = Peers::Network(address, prefix);
        let relay = Relay::listen((address, 0).into(), format!("127.0.0.1:{port}"), peers).await?;
        let bound = relay.address.to_string();
        let mut relays = self.relays.lock().unwrap_or_else(PoisonError::into_inner);
        relays.push(relay);
        Ok(bound)
    }
}

/// `172.18.0.1 172.18.0.0/16`.
fn parse(line: &str) -> Option<(Ipv4Addr, u32)> {
    let (gateway, subnet) = line.trim().split_once(' ')?;
    let prefix = subnet.split_once('/')?.1.parse().ok()?;
    Some((gateway.parse().ok()?, prefix)).filter(|(_, prefix)| *prefix <= 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let bridge = ([172, 18, 0, 1].into(), 16);
        assert_eq!(parse("172.18.0.1 172.18.0.0/16"), Some(bridge));
        assert_eq!(parse(""), None);
        assert_eq!(parse("172.18.0.1 172.18.0.0/33"), None);
    }
}
