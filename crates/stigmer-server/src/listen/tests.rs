use std::net::SocketAddr;

use futures::{FutureExt, StreamExt};
use h2::client::SendRequest;
use prost::bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::codegen::http;

use super::*;
use crate::documented::documented;

/// What a client says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

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
    let greeting = [PREFACE, &settings].concat();
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
    for (bytes, stays) in [(PREFACE.len() - 1, false), (PREFACE.len(), true)] {
        let mut client = TcpStream::connect(address).await.unwrap();
        let mut connection = taken.next().await.unwrap().unwrap();
        client.write_all(&PREFACE[..bytes]).await.unwrap();
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

#[tokio::test]
async fn what_it_speaks_may_be_said_in_pieces() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut taken = Box::pin(connections(listener, 1, GREETING));
    let mut client = TcpStream::connect(address).await.unwrap();
    let mut connection = taken.next().await.unwrap().unwrap();
    let (first, rest) = PREFACE.split_at(PREFACE.len() / 2);
    for (piece, is_timed) in [(first, true), (rest, false)] {
        client.write_all(piece).await.unwrap();
        let mut read = vec![0; piece.len()];
        connection.read_exact(&mut read).await.unwrap();
        assert_eq!(connection.silence.is_some(), is_timed, "{read:?}");
    }
}

#[test]
fn the_figures_are_those_of_the_docs() {
    let (asked, waited) = KEEP_ALIVE;
    documented(&[
        format!("| connections | {CONNECTIONS} |"),
        format!("| requests under way on a connection | {STREAMS} |"),
        format!(
            "| silence before HTTP/2 is spoken | {} s |",
            GREETING.as_secs_f64()
        ),
        format!(
            "| silence after | asked for a sign of life after {} s {} s to give it |",
            asked.as_secs_f64(),
            waited.as_secs_f64()
        ),
        format!(
            "| a connection that cannot be taken | tried again after {} ms |",
            PAUSE.as_millis()
        ),
    ]);
}
