//! What tests tell the gateway and ask it, in JSON on its own port.

mod cassettes;
mod faults;
mod scripts;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{Response, StatusCode},
    routing::{get, post, put},
};
use serde::de::DeserializeOwned;

use crate::{
    body::{self, Unread},
    budget::Share,
    chat::Gateway,
    response,
};

/// The routes.
pub fn routes() -> Router<Arc<Gateway>> {
    let script = put(scripts::add)
        .get(scripts::report)
        .delete(scripts::remove);
    let fault = put(faults::add).get(faults::report).delete(faults::remove);
    let cassette = put(cassettes::load)
        .get(cassettes::file)
        .delete(cassettes::remove);
    Router::new()
        .route("/scripts/{key}", script)
        .route("/scripts/{key}/answers", post(scripts::append))
        .route("/scripts/{key}/release", post(scripts::release))
        .route("/scripts/{key}/wait", get(scripts::wait))
        .route("/faults/{id}", fault)
        .route("/cassettes/{name}", cassette)
        .route("/cassettes/{name}/report", get(cassettes::report))
}

/// A request that cannot be granted, as the answer that says so.
type Refused = Box<Response<Body>>;

fn refused(status: StatusCode, message: &str) -> Refused {
    Box::new(response::error(status, "invalid_request_error", message))
}

fn full(message: &str) -> Refused {
    let status = StatusCode::INSUFFICIENT_STORAGE;
    Box::new(response::error(status, "gateway_full", message))
}

/// An answer, whichever it is.
fn either(answer: Result<Response<Body>, Refused>) -> Response<Body> {
    answer.unwrap_or_else(|refused| *refused)
}

fn named(name: &str) -> Result<(), Refused> {
    let known = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if (1..=128).contains(&name.len()) && name.chars().all(known) {
        return Ok(());
    }
    let text = format!(
        "`{name}` is no name: it takes 1 to 128 letters, digits, dots, dashes and underscores"
    );
    Err(refused(StatusCode::BAD_REQUEST, &text))
}

fn unknown(what: &str, name: &str) -> Refused {
    let text = format!("there is no {what} `{name}`");
    refused(StatusCode::NOT_FOUND, &text)
}

fn taken(what: &str, name: &str) -> Refused {
    let text = format!("there is a {what} `{name}` already: DELETE it first, or take another name");
    refused(StatusCode::CONFLICT, &text)
}

/// A request's text, and the room for it.
async fn read(gateway: &Gateway, body: Body) -> Result<(String, Share), Refused> {
    let read = body::read(body, &gateway.budget).await;
    let read = read.map_err(|unread| match &unread {
        Unread::Full(why) => full(why),
        Unread::TooLarge | Unread::BrokeOff(_) => refused(unread.told().0, &unread.to_string()),
    })?;
    let room = read.room.map_err(|why| full(&why))?;
    let text = String::from_utf8(read.bytes)
        .map_err(|_| refused(StatusCode::BAD_REQUEST, "the request is not UTF-8"))?;
    Ok((text, room))
}

fn parse<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Refused> {
    serde_json::from_str(text).map_err(|error| {
        let text = format!("this is no {what}: {error}");
        refused(StatusCode::BAD_REQUEST, &text)
    })
}

fn gone(was: bool, what: &str, name: &str) -> Response<Body> {
    if !was {
        return *unknown(what, name);
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
