//! Answers that are given as a test wrote them: a status, headers and a body.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::value::RawValue;

use crate::{
    hop_by_hop::is_hop_by_hop,
    response::{ChatResponse, object},
};

/// A status with headers and a body, which by default is an error object.
///
/// # Errors
/// When it is no status, or a header is none.
pub fn reply(
    status: u16,
    headers: &BTreeMap<String, String>,
    body: Option<&RawValue>,
) -> Result<ChatResponse, String> {
    let code = status_code(status)?;
    let default = || object("fault", &format!("{code}, because a test asked for it")).to_string();
    let text = body.map(|body| serde_json::from_str::<String>(body.get()));
    let mut response = match (body, text) {
        (None, _) => ChatResponse::json(code, default()),
        (Some(body), None | Some(Err(_))) => ChatResponse::json(code, body.get().to_owned()),
        // As proxies answer, which know nothing of JSON.
        (Some(_), Some(Ok(text))) => {
            let mut response = ChatResponse::json(code, text);
            let kind = HeaderValue::from_static("text/plain; charset=utf-8");
            response.headers.insert(header::CONTENT_TYPE, kind);
            response
        }
    };
    response.headers.extend(header_map(headers)?);
    Ok(response)
}

/// Whether status, headers and body can be an answer, or are none at all. Faults and scripted answers have the same
/// fields for it, each its own: serde refuses no unknown fields beside a shared part, and keeps no raw JSON in one.
///
/// # Errors
/// A sentence for whoever wrote them.
pub fn check(
    status: Option<u16>,
    headers: &BTreeMap<String, String>,
    body: Option<&RawValue>,
) -> Result<(), String> {
    match status {
        Some(status) => reply(status, headers, None).map(drop),
        None if !headers.is_empty() || body.is_some() => {
            Err("headers and body go with a status".to_owned())
        }
        None => Ok(()),
    }
}

/// A status that an answer may have.
///
/// # Errors
/// When it is none.
pub fn status_code(status: u16) -> Result<StatusCode, String> {
    let known = StatusCode::from_u16(status).ok();
    let known = known.filter(|_| (200..600).contains(&status));
    known.ok_or_else(|| format!("{status} is no status from 200 to 599"))
}

/// Headers that an answer may have.
///
/// # Errors
/// When one is none, or is the connection's.
pub fn header_map(headers: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let wrong = |_| format!("`{name}: {value}` is no header");
        let known: HeaderName = name.parse().map_err(|_| wrong(()))?;
        if is_hop_by_hop(&known) {
            return Err(format!(
                "the header `{name}` is the connection's, which makes it anew: leave it out"
            ));
        }
        let value = HeaderValue::from_str(value).map_err(|_| wrong(()))?;
        map.insert(known, value);
    }
    Ok(map)
}
