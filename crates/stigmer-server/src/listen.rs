//! Connections: how many, and how long one may be silent.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::{Stream, stream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep},
};
use tonic::transport::{
    Server,
    server::{Connected, TcpConnectInfo},
};

/// How many connections there may be. Each costs a file descriptor and some buffers; more than that
/// wait until one ends.
const CONNECTIONS: usize = 4_096;

/// How many requests one connection may have under way, subscriptions among them.
const STREAMS: u32 = 2_048;

/// How long a connection may take to say that it speaks HTTP/2.
const GREETING: Duration = Duration::from_secs(10);

/// How many bytes that is.
const GREETING_BYTES: usize = 24;

/// How often a connection is asked for a sign of life, and how long one waits for that.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));

/// The server with the limits of its connections, still without services.
pub(crate) fn transport() -> Server {
    Server::builder()
        .max_concurrent_streams(Some(STREAMS))
        .http2_keepalive_interval(Some(KEEP_ALIVE.0))
        .http2_keepalive_timeout(Some(KEEP_ALIVE.1))
}

/// How long to wait after a connection could not be taken: what is lacking, file descriptors or
/// memory, others have to give back.
const PAUSE: Duration = Duration::from_millis(100);

/// The connections of `listener`, at most `most` at a time.
pub(crate) fn connections(
    listener: TcpListener,
    most: usize,
    greeting: Duration,
) -> impl Stream<Item = io::Result<Connection>> {
    let places = Arc::new(Semaphore::new(most));
    stream::unfold(
        (listener, places, false),
        move |(listener, places, mut failing)| async move {
            // Never closed, so there is always a place in the end.
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            let stream = loop {
                match listener.accept().await {
                    Ok((stream, _)) => break stream,
                    Err(error) => {
                        // Once, and not ten times a second.
                        if !std::mem::replace(&mut failing, true) {
                            tracing::warn!(%error, "no connection can be taken; trying again until one can");
                        }
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            };
            if std::mem::take(&mut failing) {
                tracing::info!("connections are taken again");
            }
            // Without it small answers wait for the acknowledgement of the one before: 40 ms each. A
            // connection that cannot be told is only slower.
            let _ = stream.set_nodelay(true);
            let silence = tokio::time::sleep_until(Instant::now() + greeting);
            let connection = Ok(Connection {
                stream,
                _place: place,
                silence: Some(Box::pin(silence)),
                greeted: 0,
            });
            Some((connection, (listener, places, failing)))
        },
    )
}

/// The connections of the server.
pub(crate) fn incoming(listener: TcpListener) -> impl Stream<Item = io::Result<Connection>> {
    connections(listener, CONNECTIONS, GREETING)
}

/// A connection with its place among all.
pub(crate) struct Connection {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
    /// Ends the connection, as long as it has not said what it speaks.
    silence: Option<Pin<Box<Sleep>>>,
    greeted: usize,
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let Some(silence) = &mut self.silence else {
            return read;
        };
        if read.is_pending() {
            ready!(silence.as_mut().poll(cx));
            let why = "the connection has not said within its time that it speaks HTTP/2";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)));
        }
        self.greeted += buf.filled().len() - before;
        if self.greeted >= GREETING_BYTES {
            self.silence = None;
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
