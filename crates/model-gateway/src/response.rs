//! What goes back to a client: errors as OpenAI's clients know them, and answers that are still to be damaged, counted
//! and sent.

use std::fmt;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use futures::stream::BoxStream;
use serde_json::Value;

use crate::outcome::Outcome;

/// An error object. `kind` is for programs, `message` for people.
pub fn object(kind: &str, message: &str) -> Value {
    serde_json::json!({
        "error": { "message": message, "type": kind, "param": null, "code": null }
    })
}

/// An error object with a status.
pub fn error(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    json(status, &object(kind, message))
}

/// A JSON answer.
pub fn json(status: StatusCode, value: &Value) -> Response<Body> {
    text(status, value.to_string())
}

/// A JSON answer that is text already.
pub fn text(status: StatusCode, text: String) -> Response<Body> {
    json_stream(status, Body::from(text))
}

/// A JSON answer that comes in parts.
pub fn json_stream(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Why an answer's body has no end.
#[derive(Debug)]
pub enum Broken {
    /// The model broke off.
    Model(reqwest::Error),
    /// A fault was asked for, or what the answer waited for is gone.
    OnPurpose,
    /// The connection is to be closed in the middle, and not reset.
    Closed,
}

/// An answer piece by piece.
pub type Chunks = BoxStream<'static, Result<Bytes, Broken>>;

/// An answer's body.
pub enum Content {
    /// All of it.
    Whole(Bytes),
    /// Piece by piece.
    Chunks(Chunks),
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => f.debug_tuple("Whole").field(bytes).finish(),
            Self::Chunks(_) => f.write_str("Chunks"),
        }
    }
}

/// What is done to an answer on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// The connection is reset after so many events, at the end if there are fewer; in an answer that is no stream, in
    /// the middle.
    pub cut: Option<usize>,
    /// An event after the first one is no JSON; an answer that is no stream stops in the middle of its JSON.
    pub garbage: bool,
}

/// An answer to a chat completion, from wherever it comes.
#[derive(Debug)]
pub struct ChatResponse {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub content: Content,
    /// How the exchange ended once all of it was taken.
    pub outcome: Outcome,
    /// What is to be done to it.
    pub damage: Damage,
}

impl ChatResponse {
    /// Its content type; nothing where there is none.
    pub fn content_type(&self) -> &str {
        let kind = self.headers.get(header::CONTENT_TYPE);
        kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default()
    }

    /// An answer in pieces.
    pub fn chunks(chunks: Chunks) -> Self {
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("text/event-stream");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Self {
            status: StatusCode::OK,
            headers,
            content: Content::Chunks(chunks),
            outcome: Outcome::Complete,
            damage: Damage::default(),
        }
    }

    /// JSON, which is text already.
    pub fn json(status: StatusCode, text: String) -> Self {
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, kind);
        Self {
            status,
            headers,
            content: Content::Whole(text.into()),
            outcome: Outcome::Complete,
            damage: Damage::default(),
        }
    }

    /// An error that the gateway makes itself, because there is no answer.
    pub fn refused(status: StatusCode, kind: &str, message: &str) -> Self {
        tracing::warn!("{kind}: {message}");
        Self {
            outcome: Outcome::Refused,
            ..Self::json(status, object(kind, message).to_string())
        }
    }
}
