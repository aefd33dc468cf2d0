//! Errors as OpenAI's clients know them.

use axum::{
    body::Body,
    http::{Response, StatusCode, header},
};

/// An error object with a status. `kind` is for programs, `message` for people.
pub fn error(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    let object = serde_json::json!({
        "error": { "message": message, "type": kind, "param": null, "code": null }
    });
    json(status, &object)
}

/// A JSON answer.
pub fn json(status: StatusCode, value: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    response
}
