//! What we are to a server: who we are, which protocol we speak, and who hears that a call goes on.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rmcp::{
    ClientHandler, RoleClient,
    model::{
        ClientCapabilities, ClientConfig, ErrorCode, ErrorData, Implementation,
        ProgressNotificationParam, ProgressToken, ProtocolVersion,
    },
    service::{ClientInitializeError, NotificationContext},
};
use serde_json::Value;
use tokio::sync::Notify;

/// What we offer first. The library's newest has no handshake, so servers refuse one that names it, or take it by its word
/// and then refuse what follows.
const OFFERED: ProtocolVersion = ProtocolVersion::LATEST_WITH_INITIALIZE;

/// What every server has known once.
const OLDEST: ProtocolVersion = ProtocolVersion::V_2024_11_05;

/// A client of one server; its clones are the same one.
#[derive(Clone)]
pub(crate) struct Client {
    version: ProtocolVersion,
    waiting: Arc<Mutex<HashMap<ProgressToken, Arc<Notify>>>>,
}

impl Default for Client {
    fn default() -> Self {
        Self::offering(OFFERED)
    }
}

/// Somebody who hears of the progress of a request, for as long as it is held.
pub(crate) struct Progress {
    client: Client,
    token: ProgressToken,
    made: Arc<Notify>,
}

impl Client {
    /// A client that offers this version of the protocol.
    pub(crate) fn offering(version: ProtocolVersion) -> Self {
        Self {
            version,
            waiting: Arc::default(),
        }
    }

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
        .with_protocol_version(self.version.clone())
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

/// What to offer once more to a server that refuses the version that was offered first: the newest older one that it names,
/// otherwise the oldest. None where it refuses something else.
pub(crate) fn other_version(refusal: &ClientInitializeError) -> Option<ProtocolVersion> {
    let ClientInitializeError::JsonRpcError(error) = refusal else {
        return None;
    };
    if !is_about_version(error) {
        return None;
    }
    let named = supported(error).and_then(Value::as_array);
    let is_named = |version: &ProtocolVersion| {
        let mut named = named.into_iter().flatten();
        named.any(|name| name == version.as_str())
    };
    let older = |version: &ProtocolVersion| version.as_str() < OFFERED.as_str();
    let mut known = ProtocolVersion::KNOWN_VERSIONS.iter().rev();
    let newest = known.find(|version| older(version) && is_named(version));
    Some(newest.cloned().unwrap_or(OLDEST))
}

/// Whether a server refuses the version of the protocol.
pub(crate) fn is_about_version(error: &ErrorData) -> bool {
    let words = error.message.to_ascii_lowercase();
    error.code == ErrorCode::UNSUPPORTED_PROTOCOL_VERSION
        || supported(error).is_some_and(Value::is_array)
        || (words.contains("protocol") && words.contains("version"))
}

/// The versions that a refusal names.
fn supported(error: &ErrorData) -> Option<&Value> {
    error.data.as_ref()?.get("supported")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_version_that_has_a_handshake_is_offered() {
        let offered = |client: Client| client.get_info().protocol_version;
        assert_eq!(offered(Client::default()).as_str(), "2025-11-25");
        assert!(offered(Client::default()).has_initialize());
        assert_eq!(offered(Client::offering(OLDEST)), OLDEST);
    }

    #[test]
    fn a_refused_version_is_followed_by_the_newest_that_is_named() {
        let refused = "Unsupported protocol version";
        for (code, message, data, other) in [
            (-32602, refused, json!(null), Some("2024-11-05")),
            (-32022, "no", json!(null), Some("2024-11-05")),
            (
                -32600,
                "protocolVersion is not known",
                json!("x"),
                Some("2024-11-05"),
            ),
            (
                -32602,
                refused,
                json!({"supported": ["2024-11-05", "2026-07-28", "2025-03-26", 3, "9"]}),
                Some("2025-03-26"),
            ),
            (
                -1,
                "no",
                json!({"supported": ["2025-06-18"]}),
                Some("2025-06-18"),
            ),
            // What it names is what it refuses, or has no handshake.
            (
                -1,
                "no",
                json!({"supported": ["2025-11-25"]}),
                Some("2024-11-05"),
            ),
            (
                -1,
                "no",
                json!({"supported": ["2026-07-28"]}),
                Some("2024-11-05"),
            ),
            (-32601, "Method not found", json!(null), None),
            (-32602, "buy a licence", json!({"supported": true}), None),
            (-32602, "this version is too old", json!(null), None),
        ] {
            let error = ErrorData::new(ErrorCode(code), message, Some(data.clone()));
            let found = other_version(&ClientInitializeError::JsonRpcError(error));
            assert_eq!(
                found.as_ref().map(ProtocolVersion::as_str),
                other,
                "{message} {data}"
            );
        }
        let gone = ClientInitializeError::ConnectionClosed(refused.to_owned());
        assert_eq!(other_version(&gone), None);
    }
}
