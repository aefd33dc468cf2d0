//! Listening, announcing, and ending when told to.

use std::{future::Future, time::Duration};

use anyhow::Context;
use axum::Router;
use service_kit::announce;
use tokio::net::TcpListener;

use crate::{
    config::Listen,
    connection::{Connection, Listener},
};

/// How long answers on their way may go on after SIGTERM.
pub const DRAIN: Duration = Duration::from_secs(5);

/// Serves until `asked` to stop, then calls `end` and lets answers that are on their way end.
///
/// # Errors
/// When the address cannot be bound or announced.
pub async fn serve(
    listen: &Listen,
    router: Router,
    asked: impl Future<Output = ()>,
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
    announce(&bound.to_string(), listen.announce_file.as_deref())?;
    let (told, stopped) = tokio::sync::oneshot::channel::<()>();
    let service = router.into_make_service_with_connect_info::<Connection>();
    let serving = tokio::spawn(
        axum::serve(Listener(listener), service)
            .with_graceful_shutdown(async {
                let _ = stopped.await; // a sender that is gone asks for the end too
            })
            .into_future(),
    );
    asked.await;
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
