//! A Temporal that answers by empty messages, by a refusal, or not at all.

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
    Code, Request, Response, Status,
    body::Body,
    codegen::{BoxFuture, Service, http},
    server::{Grpc, NamedService, UnaryService},
    transport::Server,
};
use tonic_prost::ProstCodec;

/// Silent to the first calls of one method, or refuses them all.
#[derive(Clone)]
pub(super) struct Silent {
    address: SocketAddr,
    method: &'static str,
    /// To how many.
    silent: usize,
    refusal: Option<Code>,
    /// How many there were.
    pub(super) calls: Arc<AtomicUsize>,
    pub(super) connections: Arc<AtomicUsize>,
}

impl Silent {
    /// Serves for as long as the test runs.
    pub(super) async fn to(method: &'static str, silent: usize) -> Self {
        Self::serve(method, silent, None).await
    }

    /// The same, and refuses the method in place of being silent.
    pub(super) async fn refusing(method: &'static str, refusal: Code) -> Self {
        Self::serve(method, 0, Some(refusal)).await
    }

    async fn serve(method: &'static str, silent: usize, refusal: Option<Code>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let this = Self {
            address: listener.local_addr().unwrap(),
            method,
            silent,
            refusal,
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

/// Empty where nothing is refused.
struct Answer(Option<Code>);

impl UnaryService<()> for Answer {
    type Response = ();
    type Future = std::future::Ready<Result<Response<()>, Status>>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let refused = self.0.map(|code| Status::new(code, "refused"));
        ready(refused.map_or_else(|| Ok(Response::new(())), Err))
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
        let refusal = self.refusal.filter(|_| asked);
        Box::pin(async move {
            if silent {
                pending::<()>().await;
            }
            let mut grpc = Grpc::new(ProstCodec::<(), ()>::default());
            Ok(grpc.unary(Answer(refusal), request).await)
        })
    }
}
