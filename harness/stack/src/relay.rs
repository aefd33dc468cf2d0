//! A way from one address to another that can be closed: for containers, to a listener of this host's loopback; for tests,
//! to a service that shall be cut off.

use anyhow::Context;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Pause after a failed accept, which is almost always a lack of file descriptors that somebody must close first.
const PAUSE: Duration = Duration::from_millis(50);

/// Who may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peers {
    /// Whoever reaches the address: it is on loopback.
    All,
    /// Addresses of one network.
    Network(Ipv4Addr, u32),
}

impl Peers {
    fn has(self, peer: IpAddr) -> bool {
        match (self, peer) {
            (Self::All, _) => true,
            (Self::Network(network, prefix), IpAddr::V4(peer)) => {
                let mask = u32::MAX.checked_shl(32 - prefix.min(32)).unwrap_or(0);
                u32::from(peer) & mask == u32::from(network) & mask
            }
            (Self::Network(..), IpAddr::V6(_)) => false,
        }
    }
}

/// A way through; it ends when this is dropped.
#[derive(Debug)]
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    /// From an address of this host to `HOST:PORT`.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn listen(from: SocketAddr, to: String, peers: Peers) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(from)
            .await
            .with_context(|| format!("listen on {from}"))?;
        let address = listener.local_addr().context("read an address")?;
        let (open, is_open) = watch::channel(true);
        let task = tokio::spawn(serve(listener, to, peers, is_open));
        Ok(Self {
            address,
            open,
            task,
        })
    }

    /// Lets clients through, or turns them away and cuts those that are through.
    pub fn open(&self, open: bool) {
        self.open.send_replace(open);
    }
}

async fn serve(
    listener: TcpListener,
    to: String,
    peers: Peers,
    mut is_open: watch::Receiver<bool>,
) {
    let mut passing = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, peer)) if *is_open.borrow() && peers.has(peer.ip()) => {
                    passing.spawn(pass(client, to.clone()));
                }
                Ok(_) => {}
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = passing.join_next() => {}
            Ok(()) = is_open.changed() => {
                if !*is_open.borrow() {
                    passing.shutdown().await;
                }
            }
        }
    }
}

async fn pass(mut client: TcpStream, to: String) {
    let Ok(mut target) = TcpStream::connect(&to).await else {
        return; // as if nobody listened
    };
    // Small pieces must not wait for more; how either side ends is theirs to tell.
    let _ = (client.set_nodelay(true), target.set_nodelay(true));
    let _ = tokio::io::copy_bidirectional(&mut client, &mut target).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn only_one_network() {
        let peers = Peers::Network([172, 18, 0, 1].into(), 16);
        assert!(peers.has([172, 18, 3, 4].into()));
        assert!(!peers.has([172, 17, 0, 2].into()));
        assert!(!peers.has([127, 0, 0, 1].into()));
        assert!(!peers.has("::1".parse().unwrap()));
        assert!(Peers::All.has([127, 0, 0, 1].into()));
    }

    /// Sends a byte and waits for it to come back.
    async fn echoes(client: &mut TcpStream) -> bool {
        let mut byte = [0];
        client.write_all(b"x").await.is_ok() && client.read_exact(&mut byte).await.is_ok()
    }

    #[tokio::test]
    async fn a_closed_way_cuts_and_turns_away_and_opens_again() {
        let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = echo.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = echo.accept().await {
                tokio::spawn(async move {
                    let (mut reading, mut writing) = stream.split();
                    tokio::io::copy(&mut reading, &mut writing).await
                });
            }
        });
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let relay = Relay::listen(any, to, Peers::All).await.unwrap();
        let mut first = TcpStream::connect(relay.address).await.unwrap();
        assert!(echoes(&mut first).await);
        relay.open(false);
        assert_eq!(first.read(&mut [0]).await.unwrap_or(0), 0, "it was cut");
        let mut second = TcpStream::connect(relay.address).await.unwrap();
        assert!(!echoes(&mut second).await);
        relay.open(true);
        let mut third = TcpStream::connect(relay.address).await.unwrap();
        assert!(echoes(&mut third).await);
    }
}
