//! A Temporal that answers by empty messages, or not at all.

use std::{
    convert::Infallible,
    future::{pending, ready},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{self, Poll},
};

use futures::StreamExt;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::{BoxFuture, Service, http},
    server::{Grpc, NamedService, UnaryService},
    transport::Server,
};
use tonic_prost::ProstCodec;

/// Silent to the first calls of one method.
#[derive(Clone)]
pub(super) struct Silent {
    address: SocketAddr,
    method: &'static str,
    /// To how many.
    silent: usize,
    /// How many there were.
    pub(super) calls: Arc<AtomicUsize>,
    pub(super) connections: Arc<AtomicUsize>,
}

impl Silent {
    /// Serves for as long as the test runs.
    pub(super) async fn to(method: &'static str, silent: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let this = Self {
            address: listener.local_addr().unwrap(),
            method,
            silent,
            calls: Arc::default(),
            connections: Arc::default(),
        };
        let connections = Arc::clone(&this.connections);
        let incoming = TcpListenerStream::new(listener).inspect(move |_| {
            connections.fetch_add(1, Ordering::SeqCst);
        });
        let server = Server::builder().add_service(this.clone());
        tokio::spawn(server.serve_with_incoming(incoming));
        this
    }

    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }
}

impl NamedService for Silent {
    const NAME: &'static str = "temporal.api.workflowservice.v1.WorkflowService";
}

struct Empty;

impl UnaryService<()> for Empty {
    type Response = ();
    type Future = std::future::Ready<Result<Response<()>, Status>>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(())))
    }
}

impl Service<http::Request<Body>> for Silent {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let asked = request.uri().path().ends_with(self.method);
        let silent = asked && self.calls.fetch_add(1, Ordering::SeqCst) < self.silent;
        Box::pin(async move {
            if silent {
                pending::<()>().await;
            }
            let mut grpc = Grpc::new(ProstCodec::<(), ()>::default());
            Ok(grpc.unary(Empty, request).await)
        })
    }
}
