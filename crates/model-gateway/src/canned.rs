//! Answers that are given as a test wrote them: a status, headers and a body.

use std::collections::BTreeMap;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::response::{ChatResponse, Content, object};

/// A status with headers and a body, which by default is an error object.
///
/// # Errors
/// When it is no status, or a header is none.
pub fn reply(
    status: u16,
    headers: &BTreeMap<String, String>,
    body: Option<&Value>,
) -> Result<ChatResponse, String> {
    let wrong = || format!("{status} is no status from 200 to 599");
    let known = StatusCode::from_u16(status).ok();
    let code = known.filter(|_| (200..600).contains(&status));
    let code = code.ok_or_else(wrong)?;
    let default = object("fault", &format!("{code}, because a test asked for it"));
    let mut response = ChatResponse::json(code, body.unwrap_or(&default));
    if let Some(Value::String(text)) = body {
        // As proxies answer, which know nothing of JSON.
        response.content = Content::Whole(text.clone().into());
        let kind = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers.insert(header::CONTENT_TYPE, kind);
    }
    for (name, value) in headers {
        let wrong = |_| format!("`{name}: {value}` is no header");
        let name: HeaderName = name.parse().map_err(|_| wrong(()))?;
        let value = HeaderValue::from_str(value).map_err(|_| wrong(()))?;
        response.headers.insert(name, value);
    }
    Ok(response)
}
