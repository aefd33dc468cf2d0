//! A request as the test is told of it.

use std::{collections::BTreeMap, time::Instant};

use axum::http::HeaderMap;
use chrono::{SecondsFormat, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::outcome::Outcome;

/// A request as the test is told of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct LoggedRequest {
    pub(super) n: usize,
    pub(super) at: String,
    /// Milliseconds since the script was registered, by a clock that nobody sets.
    pub(super) ms: u64,
    pub(super) body: Option<Box<RawValue>>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) authorization: bool,
    pub(super) answer: Option<usize>,
    pub(super) error: Option<String>,
    pub(super) ended: Option<Outcome>,
}

impl LoggedRequest {
    /// One that comes now, to a script that is there since `began`.
    pub(super) fn new(n: usize, began: Instant, headers: &HeaderMap) -> Self {
        Self {
            n,
            at: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            body: None,
            headers: shown(headers),
            authorization: headers.contains_key("authorization"),
            answer: None,
            error: None,
            ended: None,
        }
    }
}

/// Headers that a test may want to look at, and no key.
fn shown(headers: &HeaderMap) -> BTreeMap<String, String> {
    let secret = ["key", "token", "auth", "secret", "cookie"];
    let named = ["accept", "content-type", "traceparent", "user-agent"];
    let shown = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str();
        let wanted = named.contains(&name) || name.starts_with("x-") || name.starts_with("openai-");
        let kept = wanted && !secret.iter().any(|part| name.contains(part));
        kept.then(|| Some((name.to_owned(), value.to_str().ok()?.to_owned())))?
    });
    shown.collect()
}
