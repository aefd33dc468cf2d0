//! Asking a server: answers as they came, waits with an end, and a word to the server when nobody waits any more.

use std::time::Duration;

use rmcp::{
    Peer, RoleClient, ServiceError,
    model::{CancelledNotificationParam, ClientRequest, RequestId, ServerResult},
    service::{PeerRequestOptions, RequestHandle},
};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use crate::client::Client;

/// Why there is no answer.
pub(crate) enum Unanswered {
    /// Neither an answer nor progress for so long.
    Silent,
    /// No answer for so long, whatever progress was made.
    TooLong,
    Failed(ServiceError),
}

/// A request that nobody may be waiting for any more: then the server is told to stop.
struct Abandoned {
    peer: Peer<RoleClient>,
    id: Option<RequestId>,
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let peer = self.peer.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let params = CancelledNotificationParam::new(Some(id), None);
                let _ = peer.notify_cancelled(params).await; // it may be gone
            });
        }
    }
}

/// Asks and waits for as long as it takes.
pub(crate) async fn unbounded(
    peer: &Peer<RoleClient>,
    request: ClientRequest,
) -> Result<Value, ServiceError> {
    answer(peer, sent(peer, request).await?).await
}

/// Asks and waits: `silence` at most since the last sign of progress, and `whole` in all.
pub(crate) async fn bounded(
    peer: &Peer<RoleClient>,
    client: &Client,
    request: ClientRequest,
    silence: Duration,
    whole: Duration,
) -> Result<Value, Unanswered> {
    let started = Instant::now();
    let sent = tokio::time::timeout(silence.min(whole), sent(peer, request)).await;
    let handle = sent
        .map_err(|_| Unanswered::Silent)?
        .map_err(Unanswered::Failed)?;
    let progress = client.progress(handle.progress_token.clone());
    let mut answer = std::pin::pin!(answer(peer, handle));
    let mut heard = started;
    loop {
        let (end, why) = match (heard + silence, started + whole) {
            (silent, late) if silent < late => (silent, Unanswered::Silent),
            (_, late) => (late, Unanswered::TooLong),
        };
        tokio::select! {
            biased;
            answer = &mut answer => return answer.map_err(Unanswered::Failed),
            () = progress.made() => heard = Instant::now(),
            () = sleep_until(end) => return Err(why),
        }
    }
}

async fn sent(
    peer: &Peer<RoleClient>,
    request: ClientRequest,
) -> Result<RequestHandle<RoleClient>, ServiceError> {
    let options = PeerRequestOptions::no_options();
    peer.send_request_with_option(request, options).await
}

async fn answer(
    peer: &Peer<RoleClient>,
    handle: RequestHandle<RoleClient>,
) -> Result<Value, ServiceError> {
    let mut abandoned = Abandoned {
        peer: peer.clone(),
        id: Some(handle.id.clone()),
    };
    let answered = handle.await_response().await;
    abandoned.id = None;
    match answered? {
        ServerResult::CustomResult(result) => Ok(result.0),
        // Over HTTP the library has read it already; what it knows it writes as it came.
        known => serde_json::to_value(known).map_err(|_| ServiceError::UnexpectedResponse),
    }
}
