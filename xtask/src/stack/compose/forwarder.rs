//! The way from a container to a port of this host's loopback. Listens on the address that the run's own bridge has on
//! this host, never on a public one, and lets only the run's containers through.

use crate::docker::{self, ANSWER, docker};
use crate::exit::Code;
use anyhow::Context;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// This host, as containers of a run see it.
#[derive(Debug)]
pub struct Host {
    bridge: Option<(Ipv4Addr, u32)>,
    ways: Mutex<Vec<JoinHandle<()>>>,
}

impl Drop for Host {
    fn drop(&mut self) {
        for way in self
            .ways
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            way.abort();
        }
    }
}

impl Host {
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
            ways: Mutex::default(),
        })
    }

    /// The run's bridge on this host; `None` where the engine is in a machine of its own.
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.bridge.map(|(address, _)| address)
    }

    /// Opens a way to `127.0.0.1:port`; what containers have to ask, `HOST:PORT`. It lasts as long as this value.
    ///
    /// # Errors
    /// When nothing can be bound.
    pub async fn open(&self, port: u16) -> anyhow::Result<String> {
        let Some((address, prefix)) = self.bridge else {
            // There the engine itself leads to this host's loopback by this name.
            return Ok(format!("host.docker.internal:{port}"));
        };
        let listener = TcpListener::bind((address, 0))
            .await
            .with_context(|| format!("listen on {address}"))?;
        let bound = listener.local_addr().context("read an address")?;
        let way = tokio::spawn(async move {
            let mut passing = tokio::task::JoinSet::new();
            while let Ok((client, peer)) = listener.accept().await {
                if inside(peer.ip(), address, prefix) {
                    passing.spawn(pass(client, port));
                }
            }
        });
        self.ways
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(way);
        Ok(bound.to_string())
    }
}

async fn pass(mut client: TcpStream, port: u16) {
    let Ok(mut target) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
        return;
    };
    // Small pieces must not wait for more; how either side ends is theirs to tell.
    let _ = (client.set_nodelay(true), target.set_nodelay(true));
    let _ = tokio::io::copy_bidirectional(&mut client, &mut target).await;
}

/// `172.18.0.1 172.18.0.0/16`.
fn parse(line: &str) -> Option<(Ipv4Addr, u32)> {
    let (gateway, subnet) = line.trim().split_once(' ')?;
    let prefix = subnet.split_once('/')?.1.parse().ok()?;
    Some((gateway.parse().ok()?, prefix)).filter(|(_, prefix)| *prefix <= 32)
}

fn inside(peer: IpAddr, gateway: Ipv4Addr, prefix: u32) -> bool {
    let IpAddr::V4(peer) = peer else { return false };
    let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
    u32::from(peer) & mask == u32::from(gateway) & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_runs_own_network() {
        let (gateway, prefix) = parse("172.18.0.1 172.18.0.0/16").unwrap();
        assert!(inside([172, 18, 3, 4].into(), gateway, prefix));
        assert!(!inside([172, 17, 0, 2].into(), gateway, prefix));
        assert!(!inside([127, 0, 0, 1].into(), gateway, prefix));
        assert!(!inside("::1".parse().unwrap(), gateway, prefix));
        assert_eq!(parse(""), None);
    }
}
