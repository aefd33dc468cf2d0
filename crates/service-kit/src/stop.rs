//! The signals that end a process.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// "File size limit exceeded", by the same number on Linux and macOS.
const SIGXFSZ: i32 = 25;

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
        // A file that may not grow is an error of its writer, as a full disk is, and not the end of the process. The handler
        // stays when this is dropped.
        drop(signal(SignalKind::from_raw(SIGXFSZ))?);
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

#[cfg(test)]
mod tests {
    use std::{process::Command, time::Duration};

    use super::*;

    #[tokio::test]
    async fn sigterm_and_sigint_are_heard() {
        // One that nobody handles would end the tests.
        let kinds = [SignalKind::terminate(), SignalKind::interrupt()];
        let _handled = kinds.map(|kind| signal(kind).unwrap());
        let own = std::process::id().to_string();
        for name in ["-TERM", "-INT"] {
            let mut stop = Stop::install().unwrap();
            let sent = Command::new("kill").args([name, &own]).status();
            assert!(sent.unwrap().success());
            let heard = tokio::time::timeout(Duration::from_secs(5), stop.asked()).await;
            assert!(heard.is_ok(), "{name} was not heard");
        }
    }
}
