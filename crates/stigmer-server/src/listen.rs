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
mod tests {
    use std::net::SocketAddr;

    use futures::{FutureExt, StreamExt};
    use h2::client::SendRequest;
    use prost::bytes::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tonic::codegen::http;

    use super::*;

    /// A server of the health service, whose streams stay open.
    async fn serving() -> SocketAddr {
        let (health, service) = tonic_health::server::health_reporter();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = transport().add_service(service);
        tokio::spawn(async move {
            let _alive = health;
            serving.serve_with_incoming(incoming(listener)).await
        });
        address
    }

    async fn client(address: SocketAddr) -> SendRequest<Bytes> {
        let stream = TcpStream::connect(address).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// Asks for the server's health as it changes; what comes first.
    fn watch(client: &mut SendRequest<Bytes>) -> h2::client::ResponseFuture {
        let request = http::Request::post("http://x/grpc.health.v1.Health/Watch")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .unwrap();
        let (answer, mut sending) = client.send_request(request, false).unwrap();
        // A message of no bytes.
        sending
            .send_data(Bytes::from_static(&[0; 5]), true)
            .unwrap();
        answer
    }

    #[tokio::test]
    async fn a_connection_has_so_many_requests_under_way_and_the_next_when_one_ends() {
        let mut client = client(serving().await).await;
        let mut open = Vec::new();
        for _ in 0..STREAMS {
            client = client.ready().await.unwrap();
            let answer = watch(&mut client).await.unwrap();
            assert_eq!(answer.status(), 200);
            let mut said = answer.into_body();
            assert!(said.data().await.unwrap().is_ok());
            open.push(said);
        }
        let next = watch(&mut client);
        // Long enough for the connection to send it.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let _stays = client.clone();
        let sent = client.ready().now_or_never();
        assert!(sent.is_none(), "one more was sent");
        open.pop();
        assert_eq!(next.await.unwrap().status(), 200);
    }

    /// Time is the runtime's, which lets it pass when all wait.
    #[tokio::test(start_paused = true)]
    async fn who_gives_no_sign_of_life_is_let_go() {
        let address = serving().await;
        let mut living = client(address).await;
        let mut dead = TcpStream::connect(address).await.unwrap();
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        let greeting = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &settings].concat();
        dead.write_all(&greeting).await.unwrap();
        let begun = Instant::now();
        let mut said = Vec::new();
        let ended = tokio::time::timeout(10 * KEEP_ALIVE.0, dead.read_to_end(&mut said)).await;
        assert!(ended.is_ok(), "it was kept");
        assert!(begun.elapsed() >= KEEP_ALIVE.0 + KEEP_ALIVE.1);
        assert!(begun.elapsed() < KEEP_ALIVE.0 + KEEP_ALIVE.1 + GREETING);
        // Who answers stays.
        let answer = watch(&mut living).await.unwrap();
        assert_eq!(answer.status(), 200);
    }

    #[tokio::test]
    async fn so_many_are_taken_and_the_next_when_one_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut taken = Box::pin(connections(listener, 2, GREETING));
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        let first = taken.next().await.unwrap().unwrap();
        let _second = taken.next().await.unwrap().unwrap();
        assert!(taken.next().now_or_never().is_none(), "a third was taken");
        drop(first);
        assert!(taken.next().await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn who_does_not_say_what_it_speaks_is_let_go() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut taken = Box::pin(connections(listener, 9, Duration::from_millis(50)));
        for (bytes, stays) in [(GREETING_BYTES - 1, false), (GREETING_BYTES, true)] {
            let mut client = TcpStream::connect(address).await.unwrap();
            let mut connection = taken.next().await.unwrap().unwrap();
            client.write_all(&vec![b'x'; bytes]).await.unwrap();
            let mut read = vec![0; bytes];
            connection.read_exact(&mut read).await.unwrap();
            let ended = connection.read(&mut read);
            let limit = Duration::from_millis(if stays { 200 } else { 30_000 });
            match tokio::time::timeout(limit, ended).await {
                Ok(Err(error)) => assert!(!stays, "{error}"),
                Err(_) => assert!(stays, "it was not let go"),
                Ok(read) => panic!("{read:?}"),
            }
        }
    }
}
