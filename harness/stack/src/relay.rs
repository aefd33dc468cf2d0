//! A way from one address to another that can be closed, held or slow: for containers, to a listener of this host's loopback;
//! for tests, to a service that shall be cut off.

use anyhow::Context;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
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

/// What passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Everything.
    Open,
    /// Clients are turned away, those that are through are cut, and both sides hear of it.
    Closed,
    /// Nothing, and nobody hears of it, as where a cable is pulled; what was sent meanwhile comes later.
    Held,
}

/// How a way is.
#[derive(Clone, Debug)]
struct State {
    traffic: Traffic,
    /// Before each piece, in each direction.
    delay: Duration,
    to: String,
}

/// A way through; it ends when this is dropped.
#[derive(Debug)]
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    state: watch::Sender<State>,
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
        let (state, seen) = watch::channel(State {
            traffic: Traffic::Open,
            delay: Duration::ZERO,
            to,
        });
        let task = tokio::spawn(serve(listener, peers, seen));
        Ok(Self {
            address,
            state,
            task,
        })
    }

    /// Lets clients through, or not.
    pub fn set(&self, traffic: Traffic) {
        self.state.send_modify(|state| state.traffic = traffic);
    }

    /// Lets each piece wait so long, in each direction.
    pub fn slow(&self, delay: Duration) {
        self.state.send_modify(|state| state.delay = delay);
    }

    /// Leads new clients to another `HOST:PORT`.
    pub fn lead_to(&self, to: &str) {
        self.state.send_modify(|state| to.clone_into(&mut state.to));
    }
}

async fn serve(listener: TcpListener, peers: Peers, mut state: watch::Receiver<State>) {
    let mut passing = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, peer)) if state.borrow().traffic != Traffic::Closed && peers.has(peer.ip()) => {
                    passing.spawn(pass(client, state.clone()));
                }
                Ok(_) => {}
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = passing.join_next() => {}
            Ok(()) = state.changed() => {
                if state.borrow().traffic == Traffic::Closed {
                    passing.shutdown().await;
                }
            }
        }
    }
}

async fn pass(client: TcpStream, mut state: watch::Receiver<State>) {
    let to = match flowing(&mut state).await {
        Ok(state) => state.to,
        Err(_) => return,
    };
    let Ok(target) = TcpStream::connect(&to).await else {
        return; // as if nobody listened
    };
    // Small pieces must not wait for more; how either side ends is theirs to tell.
    let _ = (client.set_nodelay(true), target.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_target, to_target) = target.into_split();
    let _ = tokio::try_join!(
        copy(from_client, to_target, state.clone()),
        copy(from_target, to_client, state)
    );
}

/// Waits until the way is not held; how it is then.
async fn flowing(state: &mut watch::Receiver<State>) -> std::io::Result<State> {
    let held = |state: &State| state.traffic == Traffic::Held;
    let flowing = state.wait_for(|state| !held(state)).await;
    // Whoever had the way has dropped it.
    let flowing = flowing.map_err(|_| std::io::ErrorKind::NotConnected)?;
    Ok(flowing.clone())
}

async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut buffer).await?;
        let now = flowing(&mut state).await?;
        if !now.delay.is_zero() {
            tokio::time::sleep(now.delay).await;
        }
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..count]).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    async fn echo() -> String {
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
        to
    }

    #[tokio::test(start_paused = true)]
    async fn a_held_way_keeps_what_is_sent_and_a_slow_one_takes_its_time() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let relay = Relay::listen(any, echo().await, Peers::All).await.unwrap();
        let mut through = TcpStream::connect(relay.address).await.unwrap();
        assert!(echoes(&mut through).await);
        relay.set(Traffic::Held);
        let mut late = TcpStream::connect(relay.address).await.unwrap();
        for client in [&mut through, &mut late] {
            client.write_all(b"y").await.unwrap();
            let heard = tokio::time::timeout(Duration::from_secs(60), client.read_u8()).await;
            assert!(heard.is_err(), "{heard:?}");
        }
        relay.set(Traffic::Open);
        for client in [&mut through, &mut late] {
            assert_eq!(client.read_u8().await.unwrap(), b'y');
        }
        relay.slow(Duration::from_secs(3));
        let began = tokio::time::Instant::now();
        assert!(echoes(&mut through).await);
        assert_eq!(began.elapsed().as_secs(), 6, "there and back");
        let other = echo().await;
        relay.slow(Duration::ZERO);
        relay.lead_to(&other);
        assert!(echoes(&mut TcpStream::connect(relay.address).await.unwrap()).await);
    }

    #[tokio::test]
    async fn a_closed_way_cuts_and_turns_away_and_opens_again() {
        let to = echo().await;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let relay = Relay::listen(any, to, Peers::All).await.unwrap();
        let mut first = TcpStream::connect(relay.address).await.unwrap();
        assert!(echoes(&mut first).await);
        relay.set(Traffic::Closed);
        assert_eq!(first.read(&mut [0]).await.unwrap_or(0), 0, "it was cut");
        let mut second = TcpStream::connect(relay.address).await.unwrap();
        assert!(!echoes(&mut second).await);
        relay.set(Traffic::Open);
        let mut third = TcpStream::connect(relay.address).await.unwrap();
        assert!(echoes(&mut third).await);
    }
}
