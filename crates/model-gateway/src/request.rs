//! A chat completion that is asked for, whole.

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode, Uri},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

use crate::{aside::aside, budget::Share, response::ChatResponse};

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

/// What is read of every request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Head {
    /// The model that it is for.
    #[serde(deserialize_with = "lenient")]
    pub model: Option<String>,
    /// Whether the answer is to be a stream.
    #[serde(deserialize_with = "lenient")]
    pub stream: Option<bool>,
    /// What is wanted of a stream.
    #[serde(deserialize_with = "lenient")]
    pub stream_options: Option<StreamOptions>,
}

/// What is wanted of a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct StreamOptions {
    /// Whether it is to tell what it cost.
    #[serde(deserialize_with = "lenient")]
    pub include_usage: Option<bool>,
}

/// What is of another type is not there: whoever answers may know what it means.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let written = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(written.get()).ok())
}

/// Where a request names its model.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    model: &'a RawValue,
}

impl ChatRequest {
    /// Reads what is read of every request.
    ///
    /// # Errors
    /// When it is no JSON object: why, and where.
    pub async fn head(&self) -> Result<Head, Box<ChatResponse>> {
        let body = self.body.clone();
        let head = aside(body.len(), move || {
            let text = std::str::from_utf8(&body).map_err(|error| error.to_string())?;
            // serde reads a list as the fields in their order.
            match text.trim_ascii_start().starts_with('[') {
                true => Err("it is a list".to_owned()),
                false => serde_json::from_str(text).map_err(|error| error.to_string()),
            }
        });
        head.await.map_err(|why| no_json(&why))
    }

    /// The same for another model; all else in it stays as it was written.
    ///
    /// # Errors
    /// When it is no JSON object: the answer that says so.
    pub async fn for_model(self, model: &str) -> Result<Self, Box<ChatResponse>> {
        let (body, model) = (self.body.clone(), Value::from(model));
        let renamed = aside(body.len(), move || {
            let text = std::str::from_utf8(&body).map_err(|error| error.to_string())?;
            let named: Named<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
            let from = named.model.get().as_ptr() as usize - text.as_ptr() as usize;
            let (before, rest) = text.split_at(from);
            let after = &rest[named.model.get().len()..];
            Ok::<_, String>([before, &model.to_string(), after].concat())
        });
        let body = renamed.await.map_err(|why| no_json(&why))?.into();
        Ok(Self { body, ..self })
    }
}

/// The type of the error that such a request is answered with.
pub const NO_JSON: &str = "invalid_request_error";

fn no_json(why: &str) -> Box<ChatResponse> {
    let text = format!("the request is no JSON object: {why}");
    Box::new(ChatResponse::refused(
        StatusCode::BAD_REQUEST,
        NO_JSON,
        &text,
    ))
}
