//! A Temporal behind TLS.

use std::{
    convert::Infallible,
    fs,
    future::{Ready, ready},
    task::{self, Poll},
};

use temporalio_client::tonic::{
    Status,
    body::Body,
    codegen::{Service, http},
    transport::{Identity, Server, ServerTlsConfig, server::TcpIncoming},
};
use tokio::{net::TcpListener, sync::mpsc};

use super::parsed;

/// Where the gateway's tests have an authority, and a certificate for `localhost` by it.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../model-gateway/testdata/tls");

/// The path of one of its files.
pub(super) fn file(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

/// One so old that it cannot say what it can. It tells what each request has for its authorization.
#[derive(Clone)]
struct Temporal(mpsc::UnboundedSender<String>);

impl Service<http::Request<Body>> for Temporal {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let told = request.headers().get("authorization");
        let told = told.and_then(|told| told.to_str().ok()).unwrap_or_default();
        self.0.send(told.to_owned()).unwrap();
        ready(Ok(Status::unimplemented("unknown method").into_http()))
    }
}

#[tokio::test]
async fn a_private_authority_is_believed_and_the_key_is_told() {
    let file = |name: &str| fs::read(format!("{FOLDER}/{name}")).unwrap();
    let identity = Identity::from_pem(file("localhost.pem"), file("localhost.key"));
    let tls = ServerTlsConfig::new().identity(identity);
    let server = Server::builder().tls_config(tls).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tells, mut told) = mpsc::unbounded_channel();
    let incoming = TcpIncoming::from(listener);
    tokio::spawn(server.serve_with_incoming(Temporal(tells), incoming));
    let connect = async |authority: &str| {
        let temporal = parsed(&[
            &format!("--temporal-address=localhost:{port}"),
            &format!("--temporal-tls-ca={FOLDER}/{authority}"),
            "--temporal-namespace=ours",
            "--temporal-api-key=hush",
        ]);
        temporal.connect("test").await
    };
    let client = connect("authority.pem").await.unwrap();
    assert_eq!(client.options().namespace, "ours");
    assert_eq!(told.try_recv().unwrap(), "Bearer hush");
    // The server's own certificate signed nothing.
    let refused = connect("localhost.pem").await.err().unwrap();
    let refused = format!("{refused:#}");
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    assert!(told.try_recv().is_err());
}
