//! What the routes for tests share: reading a request, and saying no.

use std::convert::Infallible;

use axum::{
    body::{Body, Bytes},
    extract::{FromRequestParts, Path, Query},
    http::{Response, StatusCode, request::Parts},
};
use futures::{StreamExt, stream};
use serde::de::DeserializeOwned;

use crate::{
    aside::aside,
    body::{self, Unread},
    budget::{Budget, Share},
    footprint::footprint,
    response,
};

/// The part of a path that names something. axum's own refusal is no JSON.
pub(super) struct Name(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(name)| Self(name))
            .map_err(|why| *refused(why.status(), &why.body_text()))
    }
}

/// What is asked for behind the `?`, with a refusal in JSON too.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let query = Query::from_request_parts(parts, state).await;
        query
            .map(|Query(asked)| Self(asked))
            .map_err(|why| *refused(why.status(), &why.body_text()))
    }
}

/// A request that cannot be granted, as the answer that says so.
pub(super) type Refused = Box<Response<Body>>;

pub(super) fn refused(status: StatusCode, message: &str) -> Refused {
    Box::new(response::error(status, "invalid_request_error", message))
}

pub(super) fn full(message: &str) -> Refused {
    let status = StatusCode::INSUFFICIENT_STORAGE;
    Box::new(response::error(status, "gateway_full", message))
}

/// An answer, whichever it is.
pub(super) fn either(answer: Result<Response<Body>, Refused>) -> Response<Body> {
    answer.unwrap_or_else(|refused| *refused)
}

pub(super) fn named(name: &str) -> Result<(), Refused> {
    let known = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if (1..=128).contains(&name.len()) && name.chars().all(known) {
        return Ok(());
    }
    let text = format!(
        "`{name}` is no name: it takes 1 to 128 letters, digits, dots, dashes and underscores"
    );
    Err(refused(StatusCode::BAD_REQUEST, &text))
}

pub(super) fn unknown(what: &str, name: &str) -> Refused {
    let text = format!("there is no {what} `{name}`");
    refused(StatusCode::NOT_FOUND, &text)
}

pub(super) fn taken(what: &str, name: &str) -> Refused {
    let text = format!("there is a {what} `{name}` already: DELETE it first, or take another name");
    refused(StatusCode::CONFLICT, &text)
}

/// What a script, a fault or a cassette takes beside what is in it.
const ONE: usize = 1024;

/// A request that is read to be kept: the room is for what it takes once it is parsed.
pub(super) async fn read(budget: &Budget, body: Body) -> Result<(Bytes, Share), Refused> {
    let read = body::read(body, budget).await;
    let read = read.map_err(|unread| match &unread {
        Unread::Full(why) => full(why),
        Unread::TooLarge | Unread::BrokeOff(_) | Unread::Silent => {
            refused(unread.told().0, &unread.to_string())
        }
    })?;
    let room = read.room.map_err(|why| full(&why))?;
    let bytes = Bytes::from(read.bytes);
    let counted = bytes.clone();
    let cost = aside(bytes.len(), move || ONE + footprint(&counted)).await;
    let room = room.and(cost.saturating_sub(bytes.len()));
    Ok((bytes, room.map_err(|why| full(&why))?))
}

/// What a request means, as far as `check` lets it.
pub(super) async fn parse<T: DeserializeOwned + Send + 'static>(
    what: &'static str,
    json: Bytes,
    check: impl FnOnce(&T) -> Result<(), String> + Send + 'static,
) -> Result<T, Refused> {
    let parsed = aside(json.len(), move || {
        let text = std::str::from_utf8(&json).map_err(|_| "the request is not UTF-8".to_owned())?;
        // A mark at the beginning is the editor's that wrote the file.
        let parsed = serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
        let parsed = parsed.map_err(|error| format!("this is no {what}: {error}"))?;
        check(&parsed).map(|()| parsed)
    });
    let wrong = |why: String| refused(StatusCode::BAD_REQUEST, &why);
    parsed.await.map_err(wrong)
}

/// A JSON answer whose text is counted until it is sent.
pub(super) fn held(
    budget: &Budget,
    status: StatusCode,
    text: String,
) -> Result<Response<Body>, Refused> {
    let share = budget.take(text.len()).map_err(|why| full(&why))?;
    let sent = stream::once(async move { Ok::<_, Infallible>(Bytes::from(text)) });
    let sent = sent.chain(stream::once(async move {
        drop(share);
        Ok(Bytes::new())
    }));
    Ok(response::json_stream(status, Body::from_stream(sent)))
}

pub(super) fn gone(was: bool, what: &str, name: &str) -> Response<Body> {
    if !was {
        return *unknown(what, name);
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_told_takes_room_until_it_is_sent() {
        let budget = Budget::new(10);
        let told = held(&budget, StatusCode::OK, "x".repeat(10)).unwrap();
        let refused = held(&budget, StatusCode::OK, "x".to_owned()).unwrap_err();
        assert_eq!(refused.status(), StatusCode::INSUFFICIENT_STORAGE);
        let sent = axum::body::to_bytes(told.into_body(), 10).await.unwrap();
        assert_eq!(sent, "x".repeat(10));
        held(&budget, StatusCode::OK, "x".repeat(10)).unwrap();
    }
}
