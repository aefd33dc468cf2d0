//! Serving by stdin and stdout, or over HTTP, until told to end.

use std::{fs, sync::Arc, time::Duration};

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
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{config::Listen, health, tools::Probe};

/// How long answers on their way may go on after SIGTERM.
const DRAIN: Duration = Duration::from_secs(5);

/// SIGTERM and SIGINT as something to wait for.
#[derive(Debug)]
pub struct Stop([Signal; 2]);

impl Stop {
    /// Installs the handlers. Comes first in a process: PID 1 ignores a signal that nobody handles.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn install() -> anyhow::Result<Self> {
        let kinds = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        Ok(Self([kinds.0, kinds.1]))
    }

    async fn asked(&mut self) {
        let [terminate, interrupt] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

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
    if let Some(file) = &listen.announce_file {
        // By rename, so that nobody reads half of it.
        let part = file.with_extension("part");
        fs::write(&part, bound.to_string())
            .and_then(|()| fs::rename(&part, file))
            .with_context(|| format!("cannot announce the address in {}", file.display()))?;
    }
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
