//! What we are to a server: who we are, and who hears that a call goes on.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rmcp::{
    ClientHandler, RoleClient,
    model::{
        ClientCapabilities, ClientConfig, Implementation, ProgressNotificationParam, ProgressToken,
    },
    service::NotificationContext,
};
use tokio::sync::Notify;

/// A client of one server; its clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Client {
    waiting: Arc<Mutex<HashMap<ProgressToken, Arc<Notify>>>>,
}

/// Somebody who hears of the progress of a request, for as long as it is held.
pub(crate) struct Progress {
    client: Client,
    token: ProgressToken,
    made: Arc<Notify>,
}

impl Client {
    /// Hears of what goes on under this token.
    pub(crate) fn progress(&self, token: ProgressToken) -> Progress {
        let made = Arc::new(Notify::new());
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(token.clone(), made.clone());
        drop(waiting);
        Progress {
            client: self.clone(),
            token,
            made,
        }
    }
}

impl Progress {
    /// Waits for a sign that was not heard yet.
    pub(crate) async fn made(&self) {
        self.made.notified().await;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let waiting = &self.client.waiting;
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(&self.token);
    }
}

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(
            ClientCapabilities::default(),
            Implementation::new("stigmer-agent-runner", env!("CARGO_PKG_VERSION")),
        )
    }

    async fn on_progress(
        &self,
        params: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = waiting.get(&params.progress_token) {
            made.notify_one();
        }
    }
}
