//! A chat completion that is asked for, whole.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode, Uri},
};
use serde_json::value::{RawValue, to_raw_value};

use crate::{budget::Share, response::ChatResponse};

/// A request, whole.
#[derive(Debug)]
pub struct ChatRequest {
    /// Its path and query.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// The room that it takes, or why there is none to keep it.
    pub room: Result<Share, String>,
}

impl ChatRequest {
    /// The same for another model; all else in it stays as it was written.
    ///
    /// # Errors
    /// When it is no JSON object: the answer that says so.
    pub fn for_model(self, model: &str) -> Result<Self, Box<ChatResponse>> {
        let renamed = || {
            let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&self.body)?;
            fields.insert("model".to_owned(), to_raw_value(model)?);
            serde_json::to_vec(&fields)
        };
        let renamed = renamed().map_err(|error| {
            let text = format!("the request is no JSON object: {error}");
            let status = StatusCode::BAD_REQUEST;
            Box::new(ChatResponse::refused(
                status,
                "invalid_request_error",
                &text,
            ))
        })?;
        let body = renamed.into();
        Ok(Self { body, ..self })
    }
}
