//! HTTP as MCP spoke it before 2025-03-26 and many servers still do: all that the server says comes in one stream of
//! events, whose first names the address that messages are sent to.

use std::collections::VecDeque;

use reqwest::{
    Response, StatusCode, Url,
    header::{ACCEPT, HeaderMap},
};
use rmcp::{
    RoleClient,
    model::{ClientJsonRpcMessage, JsonRpcMessage, ServerJsonRpcMessage},
    transport::Transport,
};

use crate::{
    events::{Event, Events},
    http_answers::{beginning, is_stream},
    http_client::HttpClient,
    refusal::HttpError,
};

/// How a server refuses the handshake that has only the older way: it knows no such method, or nothing at that address.
pub(crate) fn may_be_legacy(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 404 | 405 | 406 | 415 | 501)
}

/// Whether a server knows the older way, and what came of it says more than how it refused the newer one.
pub(crate) fn is_legacy(why: &HttpError) -> bool {
    match why {
        HttpError::Refused { status, .. } => {
            // 501 is how some say that they know no GET.
            let in_trouble = status.is_server_error() && *status != StatusCode::NOT_IMPLEMENTED;
            matches!(status.as_u16(), 401 | 403 | 429) || in_trouble
        }
        HttpError::Moved { .. } | HttpError::Astray { .. } | HttpError::Ended => true,
        HttpError::Failed(_) | HttpError::Unanswered { .. } => false,
    }
}

pub(crate) struct LegacyTransport {
    client: HttpClient,
    headers: HeaderMap,
    /// Where messages are sent.
    endpoint: Url,
    stream: Response,
    events: Events,
    messages: VecDeque<ServerJsonRpcMessage>,
    over: bool,
}

impl LegacyTransport {
    /// Opens the stream, and waits until it names the address. Headers go to the origin of `url` alone.
    pub(crate) async fn open(
        client: HttpClient,
        url: Url,
        headers: HeaderMap,
    ) -> Result<Self, HttpError> {
        let request = client.get(url.as_str()).header(ACCEPT, "text/event-stream");
        let mut stream = client.ask(request, headers.clone()).await?;
        let status = stream.status();
        if !status.is_success() {
            return Err(refused(stream).await);
        }
        if !is_stream(&stream) {
            let words = String::new();
            return Err(HttpError::Unanswered { status, words });
        }
        let mut events = Events::new(false);
        let mut messages = VecDeque::new();
        loop {
            let Ok(Some(chunk)) = stream.chunk().await else {
                return Err(HttpError::Ended);
            };
            let mut named = None;
            for event in events.push(&chunk) {
                named = event.endpoint.or(named);
                messages.extend(event.messages);
            }
            let Some(named) = named else { continue };
            let Ok(endpoint) = stream.url().join(&named) else {
                let words = String::new();
                return Err(HttpError::Unanswered { status, words });
            };
            if endpoint.origin() != stream.url().origin() {
                let location = endpoint.origin().ascii_serialization();
                return Err(HttpError::Astray { location });
            }
            return Ok(Self {
                client,
                headers,
                endpoint,
                stream,
                events,
                messages,
                over: false,
            });
        }
    }

    fn take(&mut self, events: impl IntoIterator<Item = Event>) {
        let messages = events.into_iter().flat_map(|event| event.messages);
        self.messages.extend(messages);
    }
}

impl Transport<RoleClient> for LegacyTransport {
    type Error = HttpError;

    fn send(
        &mut self,
        message: ClientJsonRpcMessage,
    ) -> impl Future<Output = Result<(), HttpError>> + Send + 'static {
        let (client, headers) = (self.client.clone(), self.headers.clone());
        let request = client.post_to(self.endpoint.as_str()).json(&message);
        async move {
            let sent = match client.ask(request, headers).await {
                Ok(response) if response.status().is_success() => Ok(()),
                Ok(response) => Err(refused(response).await),
                Err(error) => Err(error),
            };
            match (&message, sent) {
                (JsonRpcMessage::Request(_), sent) => sent,
                (_, Ok(())) => Ok(()),
                // One that asks nothing loses nothing by it: whatever is asked next says why.
                (_, Err(why)) => {
                    tracing::debug!("an MCP server could not be notified: {why}");
                    Ok(())
                }
            }
        }
    }

    /// May be dropped at any time: nothing that was read is lost.
    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        loop {
            if let Some(message) = self.messages.pop_front() {
                if matches!(message, JsonRpcMessage::Response(_)) {
                    self.events.opened();
                }
                return Some(message);
            }
            if self.over {
                return None;
            }
            match self.stream.chunk().await {
                Ok(Some(chunk)) => {
                    let events = self.events.push(&chunk);
                    self.take(events);
                }
                ended => {
                    if let Err(error) = ended {
                        tracing::debug!("the stream of an MCP server broke off: {error}");
                    }
                    self.over = true;
                    let last = self.events.end();
                    self.take(last);
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), HttpError> {
        Ok(())
    }
}

async fn refused(response: Response) -> HttpError {
    let status = response.status();
    let words = String::from_utf8_lossy(&beginning(response).await)
        .trim()
        .to_owned();
    HttpError::Refused { status, words }
}
