//! What came of a request over HTTP, read as leniently as the lines of a child: see [`crate::wire`].

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use reqwest::{Response, StatusCode, header::CONTENT_TYPE};
use rmcp::{
    model::{JsonRpcMessage, RequestId, ServerJsonRpcMessage},
    transport::streamable_http_client::{
        SseError, StreamableHttpError, StreamableHttpPostResponse,
    },
};
use sse_stream::Sse;

use crate::{
    client::is_about_version,
    events::{Event, Events},
    message::Message,
    refusal::HttpError,
    wire::{self, Place},
};

/// Bytes of a refusal that are read: they end in an error's text.
const LONGEST_REFUSAL: usize = 64 << 10;

/// How servers say by 400, in whatever letters, that they do not know a session; the protocol has 404 for it.
const LOST: [&str; 5] = [
    "invalid session id",
    "no valid session id",
    "server not initialized",
    "session not found",
    "unknown session",
];

/// Why there is no answer.
pub(crate) type Failure = StreamableHttpError<HttpError>;

/// What a server says in place of an answer: as the answer to the request, whatever id it has, or where there was no
/// handshake yet as an error by its status. Of a version that it does not speak it may name another. A session that it
/// lost is begun anew, and the request, which it did not take, is made again: once, by the library.
pub(crate) async fn refused(
    response: Response,
    id: &RequestId,
    first: bool,
    in_session: bool,
) -> Result<StreamableHttpPostResponse, Failure> {
    let status = response.status();
    if in_session && status == StatusCode::NOT_FOUND {
        return Err(Failure::SessionExpired);
    }
    let bytes = beginning(response).await;
    if in_session && status == StatusCode::BAD_REQUEST && is_lost(&bytes) {
        return Err(Failure::SessionExpired);
    }
    let told = wire::messages(&bytes, Place::Http, true).into_iter();
    let told = told.filter_map(|message| match message {
        JsonRpcMessage::Error(error) if error.error.code != wire::UNREADABLE => Some(error.error),
        _ => None,
    });
    match told.last() {
        Some(mut error) if !first || is_about_version(&error) => {
            error.message = format!("HTTP {status}: {}", error.message).into();
            let error = JsonRpcMessage::error(error, Some(id.clone()));
            Ok(StreamableHttpPostResponse::Json(error, None))
        }
        told => {
            let words = match told {
                Some(error) => wire::words(&error),
                None => String::from_utf8_lossy(&bytes).trim().to_owned(),
            };
            Err(Failure::Client(HttpError::Refused { status, words }))
        }
    }
}

/// Whether a refusal says that its session is not known.
fn is_lost(refusal: &[u8]) -> bool {
    let words = String::from_utf8_lossy(refusal).to_ascii_lowercase();
    LOST.iter().any(|lost| words.contains(lost))
}

/// What a refusal says, as far as it is read.
pub(crate) async fn beginning(mut response: Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < LONGEST_REFUSAL
        && let Ok(Some(chunk)) = response.chunk().await
    {
        let room = LONGEST_REFUSAL - bytes.len();
        bytes.extend(&chunk[..chunk.len().min(room)]);
    }
    bytes
}

/// The messages of a whole body, with the answer among them.
pub(crate) async fn body(
    mut response: Response,
    opened: bool,
    id: &RequestId,
) -> Result<Vec<ServerJsonRpcMessage>, Failure> {
    let status = response.status();
    let mut body = Message::default();
    let read = response.chunk().await;
    let mut read = read.map_err(HttpError::Failed).map_err(Failure::Client)?;
    while let Some(chunk) = read {
        body.push(&chunk);
        let next = response.chunk().await;
        read = next.map_err(HttpError::Failed).map_err(Failure::Client)?;
    }
    let words = body.beginning();
    let mut messages = body.end(Place::Http, opened);
    messages.iter_mut().for_each(|message| own(message, id));
    let answers = |message: &ServerJsonRpcMessage| match message {
        JsonRpcMessage::Response(answer) => answer.id == *id,
        JsonRpcMessage::Error(error) => error.id.as_ref() == Some(id),
        _ => false,
    };
    match messages.iter().any(answers) {
        true => Ok(messages),
        false => Err(unanswered(status, words)),
    }
}

/// Gives an answer the id of what was asked where its own says the same, or where an error has none that is one: servers
/// refuse under names like "server-error" what they have not read. Numbers of others stay.
pub(crate) fn own(message: &mut ServerJsonRpcMessage, asked: &RequestId) {
    match message {
        JsonRpcMessage::Response(answer) if is_same(&answer.id, asked) => {
            answer.id = asked.clone();
        }
        JsonRpcMessage::Error(error) => {
            let others = |id: &RequestId| number(id).is_some() && !is_same(id, asked);
            if !error.id.as_ref().is_some_and(others) {
                error.id = Some(asked.clone());
            }
        }
        _ => {}
    }
}

/// Whether two ids are the same, also where a number became a text on its way.
fn is_same(one: &RequestId, other: &RequestId) -> bool {
    one == other || number(one).is_some_and(|one| number(other) == Some(one))
}

fn number(id: &RequestId) -> Option<i64> {
    match id {
        RequestId::Number(id) => Some(*id),
        RequestId::String(id) => id.parse().ok(),
    }
}

pub(crate) fn is_answer(message: &ServerJsonRpcMessage) -> bool {
    matches!(
        message,
        JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_)
    )
}

/// One message as it is, several as events.
pub(crate) fn answered(
    mut messages: Vec<ServerJsonRpcMessage>,
    session: Option<String>,
) -> StreamableHttpPostResponse {
    if messages.len() == 1
        && let Some(only) = messages.pop()
    {
        return StreamableHttpPostResponse::Json(only, session);
    }
    let event = Event {
        messages,
        ..Event::default()
    };
    let events = stream::iter([Ok(event)]).boxed();
    StreamableHttpPostResponse::Sse(written(events), session)
}

/// The events of an answer.
pub(crate) type EventStream = BoxStream<'static, Result<Event, HttpError>>;

/// The events of a body until its end, the unfinished last one too.
pub(crate) fn events(response: Response, opened: bool) -> EventStream {
    let begun = Some((response, Events::new(opened)));
    let read = stream::unfold(begun, |state| async move {
        let (mut response, mut events) = state?;
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let read = events.push(&chunk).into_iter().map(Ok).collect();
                Some((read, Some((response, events))))
            }
            Ok(None) => Some((events.end().into_iter().map(Ok).collect(), None)),
            Err(error) => Some((vec![Err(HttpError::Failed(error))], None)),
        }
    });
    read.flat_map(stream::iter::<Vec<_>>).boxed()
}

/// As the library reads them: each message strictly written, in an event of its own. A break is an end: behind an end the
/// library pauses before it asks for more.
pub(crate) fn written(events: EventStream) -> BoxStream<'static, Result<Sse, SseError>> {
    let written = events.map(|event| {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                tracing::debug!("the events of an MCP server broke off: {error}");
                return Vec::new();
            }
        };
        let data = event.messages.iter();
        let data = data.filter_map(|message| serde_json::to_string(message).ok());
        let plain = |data| Sse {
            data: Some(data),
            ..Sse::default()
        };
        let mut all: Vec<Sse> = data.map(plain).collect();
        if event.id.is_some() || event.retry.is_some() {
            if all.is_empty() {
                all.push(Sse::default());
            }
            // Who takes up the stream behind the last message has seen all of them.
            if let Some(last) = all.last_mut() {
                (last.id, last.retry) = (event.id, event.retry);
            }
        }
        all.into_iter().map(Ok::<_, SseError>).collect()
    });
    written.flat_map(stream::iter).boxed()
}

pub(crate) fn unanswered(status: StatusCode, words: String) -> Failure {
    Failure::Client(HttpError::Unanswered { status, words })
}

pub(crate) fn is_redirect(status: StatusCode) -> bool {
    // Not 303: it leads to what is not asked but read.
    matches!(status.as_u16(), 301 | 302 | 307 | 308)
}

pub(crate) fn is_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/event-stream")
}
