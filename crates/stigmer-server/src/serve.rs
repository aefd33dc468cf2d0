//! Life of the server: open, listen, announce, serve, end.

use std::{io::Write, net::SocketAddr, sync::Arc};

use anyhow::Context;
use service_kit::{Stop, announce};
use stigmer_api::{
    FILE_DESCRIPTORS, MAX_MESSAGE,
    agent::{
        agent_command_controller_server::AgentCommandControllerServer,
        agent_query_controller_server::AgentQueryControllerServer,
    },
    agentexecution::{
        agent_execution_command_controller_server::AgentExecutionCommandControllerServer,
        agent_execution_query_controller_server::AgentExecutionQueryControllerServer,
    },
    agentinstance::{
        agent_instance_command_controller_server::AgentInstanceCommandControllerServer,
        agent_instance_query_controller_server::AgentInstanceQueryControllerServer,
    },
    environment::{
        environment_command_controller_server::EnvironmentCommandControllerServer,
        environment_query_controller_server::EnvironmentQueryControllerServer,
    },
    executioncontext::{
        execution_context_command_controller_server::ExecutionContextCommandControllerServer,
        execution_context_query_controller_server::ExecutionContextQueryControllerServer,
    },
    session::{
        session_command_controller_server::SessionCommandControllerServer,
        session_query_controller_server::SessionQueryControllerServer,
    },
    skill::{
        skill_command_controller_server::SkillCommandControllerServer,
        skill_query_controller_server::SkillQueryControllerServer,
    },
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tonic::{Code, body::Body, codec::CompressionEncoding, codegen::http, service::Routes};
use tonic_health::server::HealthReporter;
use tower::util::MapResponseLayer;

use crate::{
    config::{SHUTDOWN_GRACE, Serve},
    hub::Hub,
    listen::{incoming, transport},
    ops::upgrade,
    outbox::Outbox,
    services::{
        AgentService, ContextService, EnvironmentService, ExecutionService, InstanceService,
        RunnerKey, SessionService, SkillService,
    },
    spans::SpansLayer,
    store::Store,
};

pub(crate) async fn run(config: Serve) -> anyhow::Result<()> {
    let mut stop = Stop::install()?;
    config.temporal.check()?;

    let hub = Arc::new(Hub::default());
    let db = config.db_path()?;
    let store = Store::open(&db, &config.secrets_key_file(&db), Arc::clone(&hub))?;
    store.write(upgrade::complete).await?;
    let outbox = Arc::new(Outbox::new(config.temporal.clone()));
    let handing_over = tokio::spawn(Arc::clone(&outbox).run(store.clone()));
    let reconcile = Arc::clone(&outbox).reconcile(store.clone(), config.reconcile());
    let comparing = tokio::spawn(reconcile);

    let (health, health_service) = tonic_health::server::health_reporter();
    let routes = routes(store.clone(), outbox, config.runner_key())?.add_service(health_service);

    let address = config.address();
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| {
        format!("cannot listen on {address} (GRPC_PORT; 0 takes any free port)")
    })?;
    let bound = listener.local_addr()?;
    health
        .set_service_status("", tonic_health::ServingStatus::Serving)
        .await;
    tracing::info!(%bound, "listening");
    say(bound);
    announce(&bound.to_string(), config.announce_file.as_deref())?;

    let telling = tokio::spawn(tell_health(health.clone(), store.writable()));
    let (told, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = transport()
        .layer(SpansLayer)
        .layer(MapResponseLayer::new(blame_the_sender))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming(listener), async {
            let _ = stopped.await;
        });
    let serving = tokio::spawn(serving);
    stop.asked().await;
    tracing::info!("stopping");
    for task in [telling, handing_over, comparing] {
        task.abort();
    }
    health
        .set_service_status("", tonic_health::ServingStatus::NotServing)
        .await;
    hub.close();
    let _ = told.send(());
    let served = ended(serving).await;
    store.close().await;
    served
}

/// Says on standard output where it listens. The log says it too: whoever does not read the one, or has no room for it,
/// is served all the same.
fn say(bound: SocketAddr) {
    if let Err(error) = writeln!(std::io::stdout(), "listening on {bound}") {
        tracing::warn!(%error, "standard output cannot be written");
    }
}

/// What became of serving, once all clients have let go or were given their time to.
async fn ended(serving: JoinHandle<Result<(), tonic::transport::Error>>) -> anyhow::Result<()> {
    match tokio::time::timeout(SHUTDOWN_GRACE, serving).await {
        Ok(ended) => ended?.context("the server failed"),
        Err(_) => {
            tracing::warn!("some clients did not let go within {SHUTDOWN_GRACE:?}");
            Ok(())
        }
    }
}

/// Says that the server serves as long as something can be stored, and not otherwise.
async fn tell_health(health: HealthReporter, mut writable: watch::Receiver<bool>) {
    while writable.changed().await.is_ok() {
        let status = match *writable.borrow_and_update() {
            true => tonic_health::ServingStatus::Serving,
            false => tonic_health::ServingStatus::NotServing,
        };
        health.set_service_status("", status).await;
    }
}

/// tonic takes a request that it cannot read, one nested too deep say, for a fault of the server.
fn blame_the_sender(mut response: http::Response<Body>) -> http::Response<Body> {
    let headers = response.headers_mut();
    let message = headers.get("grpc-message").map(|m| m.as_bytes());
    let unread = message.is_some_and(|m| m.starts_with(b"failed%20to%20decode"));
    if unread && headers.get("grpc-status").is_some_and(|s| s == "13") {
        let code = http::HeaderValue::from(Code::InvalidArgument as i32);
        headers.insert("grpc-status", code);
    }
    response
}

fn routes(store: Store, outbox: Arc<Outbox>, runner: RunnerKey) -> anyhow::Result<Routes> {
    let mut routes = Routes::builder();
    macro_rules! serve {
        ($service:expr, $($server:ident),+) => {{
            let service = $service;
            $(routes.add_service(
                $server::new(service.clone())
                    .accept_compressed(CompressionEncoding::Gzip)
                    .max_decoding_message_size(MAX_MESSAGE)
                    .max_encoding_message_size(MAX_MESSAGE),
            );)+
        }};
    }
    serve!(
        AgentService(store.clone()),
        AgentCommandControllerServer,
        AgentQueryControllerServer
    );
    serve!(
        InstanceService(store.clone()),
        AgentInstanceCommandControllerServer,
        AgentInstanceQueryControllerServer
    );
    serve!(
        SessionService(store.clone()),
        SessionCommandControllerServer,
        SessionQueryControllerServer
    );
    serve!(
        EnvironmentService(store.clone()),
        EnvironmentCommandControllerServer,
        EnvironmentQueryControllerServer
    );
    serve!(
        SkillService(store.clone()),
        SkillCommandControllerServer,
        SkillQueryControllerServer
    );
    serve!(
        ContextService {
            store: store.clone(),
            runner: runner.clone(),
        },
        ExecutionContextCommandControllerServer,
        ExecutionContextQueryControllerServer
    );
    serve!(
        ExecutionService {
            store,
            outbox,
            runner,
        },
        AgentExecutionCommandControllerServer,
        AgentExecutionQueryControllerServer
    );
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    routes.add_service(reflection().build_v1().context("reflection")?);
    // Python's client asks by this name, and grpcurl did before 1.8.8.
    routes.add_service(reflection().build_v1alpha().context("reflection")?);
    Ok(routes.routes())
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
