//! Work in the background that somebody waits for at the end.

use tokio::sync::watch;

/// Those who see to it that something ends.
#[derive(Debug)]
pub(crate) struct Keepers(watch::Sender<()>);

/// One of them, for as long as it is held.
pub(crate) struct Keeper(#[expect(dead_code, reason = "it is counted")] watch::Receiver<()>);

impl Default for Keepers {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl Keepers {
    /// One more.
    pub(crate) fn one(&self) -> Keeper {
        Keeper(self.0.subscribe())
    }

    /// Waits until none is left.
    pub(crate) async fn done(&self) {
        self.0.closed().await;
    }
}
