use std::{
    convert::Infallible,
    future::{pending, ready},
    sync::atomic::{AtomicUsize, Ordering},
    task::{self, Poll},
};

use stigmer_api::{
    agent::{Agent, AgentSpec},
    agentexecution::AgentExecutionSpec,
};
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

use super::*;
use crate::{hub, ops};

/// A Temporal that answers everything by an empty message, but is silent to the first start.
#[derive(Clone, Default)]
struct Silent {
    starts: Arc<AtomicUsize>,
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
        let start = request.uri().path().ends_with("/StartWorkflowExecution");
        let first = start && self.starts.fetch_add(1, Ordering::SeqCst) == 0;
        Box::pin(async move {
            if first {
                pending::<()>().await;
            }
            let mut grpc = Grpc::new(ProstCodec::<(), ()>::default());
            Ok(grpc.unary(Empty, request).await)
        })
    }
}

fn temporal(address: String) -> TemporalArgs {
    TemporalArgs {
        address: Some(address),
        namespace: "default".to_owned(),
        task_queue: "queue".to_owned(),
        tls: false,
        tls_ca: None,
        tls_cert: None,
        tls_key: None,
        api_key: None,
    }
}

/// A store in which one execution waits, and what its subscriber is told.
async fn waiting(folder: &tempfile::TempDir) -> (Store, hub::Updates) {
    let hub = Arc::new(hub::Hub::default());
    let path = folder.path().join("s.db");
    let store = Store::open(&path, &path.with_extension("key"), hub).unwrap();
    let mut agent = Agent {
        spec: Some(AgentSpec {
            instructions: "Do what is right.".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    agent.set_envelope();
    agent.metadata_mut().name = "agent".to_owned();
    agent.metadata_mut().owner_scope = 2;
    let updates = store
        .write(|tx| {
            let agent = ops::agent::create(tx, agent)?;
            let mut execution = AgentExecution {
                spec: Some(AgentExecutionSpec {
                    agent_id: agent.id().to_owned(),
                    message: "hello".to_owned(),
                    ..Default::default()
                }),
                ..Default::default()
            };
            execution.set_envelope();
            execution.metadata_mut().name = "execution".to_owned();
            let execution = execution::create(tx, execution, "new")?;
            let (event, updates) = hub::subscription(execution);
            event.into_iter().for_each(|event| tx.publish(event));
            Ok(updates)
        })
        .await;
    (store, updates.unwrap())
}

#[tokio::test]
async fn a_silent_connection_is_given_up_for_a_new_one() {
    let temporal_is = Silent::default();
    let connections = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let counted = Arc::clone(&connections);
    let incoming = TcpListenerStream::new(listener).inspect(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let service = temporal_is.clone();
    tokio::spawn(async move {
        let server = Server::builder().add_service(service);
        server.serve_with_incoming(incoming).await
    });

    let folder = tempfile::tempdir().unwrap();
    let (store, mut updates) = waiting(&folder).await;
    // Long enough for a call over loopback on a busy machine, which takes a millisecond.
    let limit = Duration::from_millis(500);
    let outbox = Arc::new(Outbox::with_limit(temporal(address), limit));
    tokio::spawn(outbox.run(store.clone()));

    let mut reasons = Vec::new();
    let told = async {
        while let Some(Ok(update)) = updates.recv().await {
            let status = update.status.clone().unwrap_or_default();
            reasons.push(status.phase_reason);
            if reasons.last().is_some_and(|r| r.contains("agent-runner")) {
                break;
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), told).await;
    assert!(in_time.is_ok(), "it was never told again: {reasons:?}");
    let expected = [
        "new",
        "waiting: Temporal did not take it: no answer within 500ms, connecting anew",
        "waiting for an agent-runner on queue",
    ];
    assert_eq!(reasons, expected);
    assert_eq!(temporal_is.starts.load(Ordering::SeqCst), 2);
    assert_eq!(
        connections.load(Ordering::SeqCst),
        2,
        "the silent one was kept"
    );
    assert!(store.read(|view| view.outbox()).unwrap().is_empty());
}
