//! Listening, announcing, and ending when told to.

use std::{fs, time::Duration};

use anyhow::Context;
use axum::Router;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{
    config::Listen,
    connection::{Connection, Listener},
};

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
        Ok(Self([
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        ]))
    }

    /// Waits for either.
    pub async fn asked(&mut self) {
        let [terminate, interrupt] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

/// Serves until told to stop, then calls `end` and lets answers that are on their way end.
///
/// # Errors
/// When the address cannot be bound or announced.
pub async fn serve(
    listen: &Listen,
    router: Router,
    mut stop: Stop,
    end: impl FnOnce(),
) -> anyhow::Result<()> {
    let listener = TcpListener::bind((listen.host, listen.port))
        .await
        .with_context(|| {
            format!(
                "cannot listen on {}:{} (GATEWAY_PORT; 0 takes any free port)",
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
    let (told, stopped) = tokio::sync::oneshot::channel::<()>();
    let service = router.into_make_service_with_connect_info::<Connection>();
    let serving = tokio::spawn(
        axum::serve(Listener(listener), service)
            .with_graceful_shutdown(async {
                let _ = stopped.await; // a sender that is gone asks for the end too
            })
            .into_future(),
    );
    stop.asked().await;
    tracing::info!("stopping");
    drop(told);
    end();
    match tokio::time::timeout(DRAIN, serving).await {
        Ok(ended) => ended?.context("the gateway failed"),
        Err(_) => {
            tracing::warn!("some answers did not end within {DRAIN:?}");
            Ok(())
        }
    }
}
