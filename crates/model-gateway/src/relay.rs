//! `relay`: bytes from one address to another. In a container it makes an address of the host's loopback mean what it
//! means on the host.

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use anyhow::Context;
use axum::{Router, routing::get};
use service_kit::{Stop, health};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    config::{Relay, Way},
    listen::serve,
};

/// Pause after a failed accept, which is almost always a lack of file descriptors that somebody must close first.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs `relay` until SIGTERM.
///
/// # Errors
/// When an address cannot be bound.
pub async fn run(args: Relay) -> anyhow::Result<()> {
    let stop = Stop::install()?;
    for way in args.routes {
        open(way).await?;
    }
    let router = Router::new().route(health::PATH, get(async || "ok"));
    serve(&args.listen, router, stop, || {}).await
}

/// Opens a way; it lasts as long as the runtime.
///
/// # Errors
/// When its address cannot be bound.
pub async fn open(way: Way) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(way.from)
        .await
        .with_context(|| format!("cannot listen on {}", way.from))?;
    let bound = listener.local_addr()?;
    tracing::info!("{bound} leads to {}", way.to);
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((client, _)) => {
                    tokio::spawn(pass(client, way.to.clone()));
                }
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!("{bound}: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    });
    Ok(bound)
}

async fn pass(mut client: TcpStream, to: String) {
    let mut target = match TcpStream::connect(&to).await {
        Ok(target) => target,
        Err(error) => {
            tracing::warn!("{to}: {error}");
            return;
        }
    };
    for end in [&client, &target] {
        // Small pieces must not wait for more; a stream that cannot be told is only slower.
        let _ = end.set_nodelay(true);
    }
    // Either side's end is passed on; how it ended is theirs to tell.
    let _ = tokio::io::copy_bidirectional(&mut client, &mut target).await;
}
