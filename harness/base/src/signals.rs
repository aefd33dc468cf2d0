//! SIGINT, SIGTERM and SIGHUP as something that can be awaited.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often the user asked to stop.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<u8>);

impl Interrupt {
    /// Installs the handlers; from now on none of the three signals ends the process by itself.
    ///
    /// # Errors
    /// When the kernel refuses a handler.
    pub fn install() -> anyhow::Result<Self> {
        let (sender, receiver) = watch::channel(0u8);
        for kind in [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ] {
            let mut stream = signal(kind).context("install a signal handler")?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    sender.send_modify(|count| *count = count.saturating_add(1));
                    let count = *sender.borrow();
                    let text = if count == 1 {
                        "stopping; once more stops at once"
                    } else {
                        "stopping at once"
                    };
                    eprintln!("\n{text}");
                }
            });
        }
        Ok(Self(receiver))
    }

    /// How many signals arrived.
    pub fn count(&self) -> u8 {
        *self.0.borrow()
    }

    /// Returns when at least `count` signals arrived.
    pub async fn reached(&self, count: u8) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|seen| *seen >= count).await.is_err() {
            // Nobody can send any more, so nobody will.
            std::future::pending::<()>().await;
        }
    }
}
