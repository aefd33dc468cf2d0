//! A way through to a real service that a test can close and look into.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

use crate::Result;

/// Passes bytes on to one address and keeps what clients sent. While it is closed, clients are
/// turned away; while answers are held, they stop in the middle.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    sent: Arc<Mutex<Vec<u8>>>,
    open: watch::Sender<bool>,
    held_after: watch::Sender<usize>,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    /// A relay to `target` (`HOST:PORT`).
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn to(target: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (open, is_open) = watch::channel(true);
        let (held_after, limit) = watch::channel(usize::MAX);
        let (keep, target) = (Arc::clone(&sent), target.to_owned());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *is_open.borrow() {
                    let keep = Arc::clone(&keep);
                    tokio::spawn(pass(client, target.clone(), keep, limit.clone()));
                }
            }
        });
        Ok(Self {
            address,
            sent,
            open,
            held_after,
            task,
        })
    }

    /// A relay to the HTTP address `url`, and the same address by way of it.
    ///
    /// # Errors
    /// As [`Relay::to`]; also when `url` is asked by TLS.
    pub async fn to_url(url: &str) -> Result<(Self, String)> {
        let plain = url.strip_prefix("http://").context("it is asked by TLS")?;
        let (target, path) = plain.split_once('/').unwrap_or((plain, ""));
        let relay = Self::to(target).await?;
        let url = format!("http://{}/{path}", relay.address);
        Ok((relay, url))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets clients through, or turns them away, from now on.
    pub fn open(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// Holds every connection's answers after so many bytes; `usize::MAX` lets them go on.
    pub fn hold_after(&self, bytes: usize) {
        self.held_after.send_replace(bytes);
    }

    /// Everything that clients sent so far.
    pub fn sent(&self) -> String {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&sent).into_owned()
    }
}

async fn pass(
    client: TcpStream,
    target: String,
    keep: Arc<Mutex<Vec<u8>>>,
    limit: watch::Receiver<usize>,
) {
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let back = tokio::spawn(answer(from_server, to_client, limit));
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = from_client.read(&mut buffer).await {
        keep.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(&buffer[..n]);
        if to_server.write_all(&buffer[..n]).await.is_err() {
            break;
        }
    }
    // The client is gone: the server must see it, or it works on for nobody.
    drop(to_server);
    back.abort();
}

async fn answer(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut limit: watch::Receiver<usize>,
) {
    let mut passed = 0;
    // Small reads, so that what is held is held about where the test wants it.
    let mut buffer = vec![0; 512];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        let flows = limit.wait_for(|limit| passed < *limit).await.is_ok();
        if !flows || to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
        passed += n;
    }
}
