//! A way through to a real service that a test can close and look into.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use crate::Result;

/// Passes bytes on to one address and keeps what clients sent. While it is closed, clients are
/// turned away.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    sent: Arc<Mutex<Vec<u8>>>,
    open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    /// A relay to `target` (`HOST:PORT`), open or closed.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn to(target: &str, open: bool) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (open, is_open) = watch::channel(open);
        let (keep, target) = (Arc::clone(&sent), target.to_owned());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *is_open.borrow() {
                    tokio::spawn(pass(client, target.clone(), Arc::clone(&keep)));
                }
            }
        });
        Ok(Self {
            address,
            sent,
            open,
            task,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets clients through from now on.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Everything that clients sent so far.
    pub fn sent(&self) -> String {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&sent).into_owned()
    }
}

async fn pass(client: TcpStream, target: String, keep: Arc<Mutex<Vec<u8>>>) {
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let back = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
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
