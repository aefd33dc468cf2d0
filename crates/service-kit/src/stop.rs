//! The signals that end a process.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT as something to wait for.
#[derive(Debug)]
pub struct Stop([Signal; 2]);

impl Stop {
    /// Installs the handlers. Comes first in a process: a signal during start-up must not kill it half way, and PID 1
    /// ignores one that nobody handles. Works within a Tokio runtime.
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
