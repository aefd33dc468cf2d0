//! What the routes for tests share: reading a request, and saying no.

use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde::de::DeserializeOwned;

use crate::{
    body::{self, Unread},
    budget::{Budget, Share},
    response,
};

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

/// A request's text, and the room for it.
pub(super) async fn read(budget: &Budget, body: Body) -> Result<(String, Share), Refused> {
    let read = body::read(body, budget).await;
    let read = read.map_err(|unread| match &unread {
        Unread::Full(why) => full(why),
        Unread::TooLarge | Unread::BrokeOff(_) => refused(unread.told().0, &unread.to_string()),
    })?;
    let room = read.room.map_err(|why| full(&why))?;
    let text = String::from_utf8(read.bytes)
        .map_err(|_| refused(StatusCode::BAD_REQUEST, "the request is not UTF-8"))?;
    Ok((text, room))
}

pub(super) fn parse<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Refused> {
    serde_json::from_str(text).map_err(|error| {
        let text = format!("this is no {what}: {error}");
        refused(StatusCode::BAD_REQUEST, &text)
    })
}

pub(super) fn gone(was: bool, what: &str, name: &str) -> Response<Body> {
    if !was {
        return *unknown(what, name);
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
