//! What waits for a test, or for ever, and must not hold up the gateway's own end.

use std::time::Duration;

use axum::http::StatusCode;
use tokio_util::sync::CancellationToken;

use crate::response::ChatResponse;

/// Waits for `time`, or for the gateway's end.
pub async fn pause(shutdown: &CancellationToken, time: Duration) {
    // Whichever it is, there is nothing more to wait for.
    let _ = tokio::time::timeout(time, shutdown.cancelled()).await;
}

/// Waits for the gateway's end; what is told then to whoever waited for an answer that never comes.
pub async fn never(shutdown: &CancellationToken) -> ChatResponse {
    shutdown.cancelled().await;
    let status = StatusCode::SERVICE_UNAVAILABLE;
    ChatResponse::refused(status, "gateway_ends", "the gateway was told to end")
}
