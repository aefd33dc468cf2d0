//! The library's transport over HTTP, with answers read leniently: see [`crate::http_answers`].

use std::{collections::HashMap, sync::Arc};

use futures::{StreamExt, stream::BoxStream};
use reqwest::{
    Client, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use rmcp::{
    model::{ClientJsonRpcMessage, ClientRequest},
    transport::streamable_http_client::{
        AuthRequiredError, SseError, StreamableHttpClient, StreamableHttpPostResponse,
    },
};
use sse_stream::Sse;

use crate::{
    http_answers::{
        Failure, answered, body, events, is_answer, is_redirect, is_stream, own, refused,
        unanswered, written,
    },
    openings::Openings,
    refusal::HttpError,
};

/// Both are taken of an answer; servers refuse who does not say so.
const ACCEPTED: &str = "text/event-stream, application/json";

/// The library's own headers, which no definition may set.
pub(crate) const SESSION: &str = "mcp-session-id";
pub(crate) const LAST_EVENT: &str = "last-event-id";

/// Redirects of one request that are followed, all of them on the origin that was asked.
const REDIRECTS: usize = 5;

type Headers = HashMap<HeaderName, HeaderValue>;

/// A way to a server: its clones are the same one.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: Client,
    openings: Openings,
}

impl HttpClient {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            openings: Openings::default(),
        }
    }

    pub(crate) fn get(&self, uri: &str) -> RequestBuilder {
        self.client.get(uri)
    }

    pub(crate) fn post_to(&self, uri: &str) -> RequestBuilder {
        self.client.post(uri)
    }

    async fn ask_as(
        &self,
        request: RequestBuilder,
        auth: Option<String>,
        headers: Headers,
    ) -> Result<Response, HttpError> {
        let request = match auth {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        self.ask(request, headers.into_iter().collect()).await
    }

    /// Asks, also where a redirect leads on the same origin, as from `/mcp` to `/mcp/`.
    pub(crate) async fn ask(
        &self,
        request: RequestBuilder,
        headers: HeaderMap,
    ) -> Result<Response, HttpError> {
        let mut request = request.headers(headers).build()?;
        for _ in 0..=REDIRECTS {
            let again = request.try_clone();
            let response = self.client.execute(request).await?;
            let status = response.status();
            let location = response.headers().get(LOCATION);
            let location = location.and_then(|to| response.url().join(to.to_str().ok()?).ok());
            let (true, Some(to), Some(mut again)) = (is_redirect(status), location, again) else {
                return Ok(response);
            };
            if to.origin() != response.url().origin() {
                // What stands in its query may be a secret of ours.
                let location = format!("{}{}", to.origin().ascii_serialization(), to.path());
                return Err(HttpError::Moved { status, location });
            }
            *again.url_mut() = to;
            request = again;
        }
        let words = format!("more than {REDIRECTS} redirects lead nowhere");
        let status = StatusCode::LOOP_DETECTED;
        Err(HttpError::Refused { status, words })
    }

    /// Sends a message, and reads what came of it.
    async fn post(
        &self,
        uri: &str,
        message: &ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        auth: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let mut request = self.client.post(uri).header(ACCEPT, ACCEPTED).json(message);
        if let Some(session) = &session {
            request = request.header(SESSION, session.as_ref());
        }
        let response = self.ask_as(request, auth, headers).await;
        let ClientJsonRpcMessage::Request(asked) = message else {
            return told(response, session.is_some());
        };
        let id = &asked.id;
        let first = matches!(asked.request, ClientRequest::InitializeRequest(_));
        let response = response.map_err(Failure::Client)?;
        let status = response.status();
        if !status.is_success() {
            return refused(response, id, first, session.is_some()).await;
        }
        if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return match session {
                // The answer may come in the session's own stream.
                Some(_) => Ok(StreamableHttpPostResponse::Accepted),
                None => Err(unanswered(status, String::new())),
            };
        }
        let given = response.headers().get(SESSION);
        let given = given.and_then(|id| id.to_str().ok()).map(str::to_owned);
        if !is_stream(&response) {
            let answers = body(response, !first, id).await?;
            return Ok(answered(answers, given));
        }
        let id = id.clone();
        let mut events = events(response, !first)
            .map(move |event| {
                event.map(|mut event| {
                    event.messages.iter_mut().for_each(|m| own(m, &id));
                    event
                })
            })
            .boxed();
        if !first {
            return Ok(StreamableHttpPostResponse::Sse(written(events), given));
        }
        while let Some(event) = events.next().await {
            let mut messages = event.map_err(Failure::Client)?.messages.into_iter();
            if let Some(answer) = messages.find(is_answer) {
                return Ok(StreamableHttpPostResponse::Json(answer, given));
            }
        }
        Err(unanswered(status, String::new()))
    }
}

/// What came of a message that asks nothing. One that is refused loses nothing: whatever is asked next says why.
fn told(
    response: Result<Response, HttpError>,
    in_session: bool,
) -> Result<StreamableHttpPostResponse, Failure> {
    match response {
        Ok(response) if response.status().is_success() => {}
        Ok(response) => {
            let status = response.status();
            tracing::debug!(%status, in_session, "an MCP server refused a notification");
        }
        Err(error) => tracing::debug!("an MCP server could not be notified: {error}"),
    }
    Ok(StreamableHttpPostResponse::Accepted)
}

impl StreamableHttpClient for HttpClient {
    type Error = HttpError;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        custom_headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        self.post(&uri, &message, session_id, auth_header, custom_headers)
            .await
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        auth_header: Option<String>,
        custom_headers: Headers,
    ) -> Result<(), Failure> {
        let request = self.client.delete(uri.as_ref());
        let request = request.header(SESSION, session_id.as_ref());
        let response = self.ask_as(request, auth_header, custom_headers).await;
        let status = response.map_err(Failure::Client)?.status();
        let words = String::new();
        match status {
            _ if status.is_success() => Ok(()),
            StatusCode::METHOD_NOT_ALLOWED => Err(Failure::ServerDoesNotSupportDeleteSession),
            _ => Err(Failure::Client(HttpError::Refused { status, words })),
        }
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        custom_headers: Headers,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Failure> {
        let last = last_event_id.as_deref();
        let opening = self.openings.begin(session_id.as_ref(), last);
        let opening = opening.ok_or(Failure::ServerDoesNotSupportSse)?;
        let mut request = self.client.get(uri.as_ref()).header(ACCEPT, ACCEPTED);
        if let Some(session) = session_id {
            request = request.header(SESSION, session.as_ref());
        }
        if let Some(last) = last_event_id {
            request = request.header(LAST_EVENT, last);
        }
        let response = self.ask_as(request, auth_header, custom_headers).await;
        let response = response.map_err(Failure::Client)?;
        let status = response.status();
        match status {
            // Asking again would change nothing.
            StatusCode::METHOD_NOT_ALLOWED => Err(Failure::ServerDoesNotSupportSse),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let why = format!("HTTP {status}");
                Err(Failure::AuthRequired(AuthRequiredError::new(why)))
            }
            _ if !status.is_success() => {
                let words = String::new();
                Err(Failure::Client(HttpError::Refused { status, words }))
            }
            _ if !is_stream(&response) => Err(unanswered(status, String::new())),
            _ => Ok(written(opening.watched(events(response, true)))),
        }
    }
}
