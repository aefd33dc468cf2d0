//! Serving by stdin and stdout, or over HTTP, until told to end.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use axum::{Router, routing::get};
use rmcp::{
    ServiceExt,
    transport::{
        stdio,
        streamable_http_server::{
            StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
        },
    },
};
use service_kit::{Stop, announce, health};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{config::Listen, tools::Probe};

/// How long answers on their way may go on after SIGTERM.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves one client until it closes our stdin.
///
/// # Errors
/// When the client does not speak MCP.
pub async fn by_stdio(probe: Probe, mut stop: Stop) -> anyhow::Result<()> {
    let serving = async {
        let service = probe
            .serve(stdio())
            .await
            .context("no MCP client on stdin")?;
        service.waiting().await.context("the server failed")
    };
    tokio::select! {
        ended = serving => ended.map(drop),
        () = stop.asked() => Ok(()),
    }
}

/// Serves until told to stop.
///
/// # Errors
/// When the address cannot be bound or announced.
pub async fn by_http(probe: Probe, listen: &Listen, mut stop: Stop) -> anyhow::Result<()> {
    let ending = CancellationToken::new();
    // Reached by other names than localhost: a service's in a network of containers.
    let config = StreamableHttpServerConfig::default()
        .with_cancellation_token(ending.clone())
        .disable_allowed_hosts();
    let service = StreamableHttpService::new(
        move || Ok(probe.clone()),
        Arc::new(LocalSessionManager::default()),
        config,
    );
    let router = Router::new()
        .route(health::PATH, get(async || "ok"))
        .route_service("/mcp", service);
    let at = (listen.host, listen.port);
    let listener = TcpListener::bind(at).await.with_context(|| {
        format!(
            "cannot listen on {}:{} (MCP_PROBE_PORT; 0 takes any free port)",
            listen.host, listen.port
        )
    })?;
    let bound = listener.local_addr()?;
    tracing::info!(%bound, "listening");
    announce(&bound.to_string(), listen.announce_file.as_deref())?;
    let serving = tokio::spawn(
        axum::serve(listener, router)
            .with_graceful_shutdown(ending.clone().cancelled_owned())
            .into_future(),
    );
    stop.asked().await;
    tracing::info!("stopping");
    ending.cancel();
    match timeout(DRAIN, serving).await {
        Ok(ended) => ended?.context("the server failed"),
        Err(_) => {
            tracing::warn!("some answers did not end within {DRAIN:?}");
            Ok(())
        }
    }
}
