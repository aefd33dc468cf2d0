//! The gateway's own end: what waits for a test, or for ever, must not hold it up.

use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::watch;

use crate::response::ChatResponse;

/// Whether the gateway is to end.
#[derive(Debug)]
pub struct Over(watch::Sender<bool>);

impl Default for Over {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Over {
    /// It is to end.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Waits for `pause`, or for the end.
    pub async fn sleep(&self, pause: Duration) {
        // Whichever it is, there is nothing more to wait for.
        let _ = tokio::time::timeout(pause, self.begun()).await;
    }

    /// Waits for the end; what is told then to whoever waited for an answer that never comes.
    pub async fn never(&self) -> ChatResponse {
        self.begun().await;
        let status = StatusCode::SERVICE_UNAVAILABLE;
        ChatResponse::refused(status, "gateway_ends", "the gateway was told to end")
    }

    async fn begun(&self) {
        let mut over = self.0.subscribe();
        // Its sender is here, so it is told.
        let _ = over.wait_for(|over| *over).await;
    }
}
