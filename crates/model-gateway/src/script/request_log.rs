//! A request as the test is told of it.

use std::{collections::BTreeMap, time::Instant};

use axum::{body::Bytes, http::HeaderMap};
use chrono::{SecondsFormat, Utc};
use serde::Serialize;

use crate::{budget::Share, outcome::Outcome};

/// What one takes beside its headers and its body.
const ONE: usize = 1024;

/// A request as the test is told of it.
#[derive(Debug, Serialize)]
pub(super) struct LoggedRequest {
    pub(super) n: usize,
    pub(super) at: String,
    /// Milliseconds since the script was registered, by a clock that nobody sets.
    pub(super) ms: u64,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) authorization: bool,
    pub(super) answer: Option<usize>,
    pub(super) error: Option<String>,
    pub(super) ended: Option<Outcome>,
    /// JSON, as it came.
    #[serde(skip)]
    pub(super) body: Option<Bytes>,
    #[serde(skip)]
    pub(super) share: Option<Share>,
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
            share: None,
        }
    }

    /// What it takes beside its body, in bytes.
    pub(super) fn cost(headers: &HeaderMap) -> usize {
        let headers = headers.iter();
        ONE + headers
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum::<usize>()
    }

    /// It as JSON, in parts of which the body is not copied.
    pub(super) fn json(&self) -> [Bytes; 3] {
        // Nothing in it can fail to be JSON.
        let mut rest = serde_json::to_string(self).unwrap_or_default();
        rest.pop();
        rest.push_str(",\"body\":");
        let body = self.body.clone();
        let body = body.unwrap_or(Bytes::from_static(b"null"));
        [rest.into(), body, Bytes::from_static(b"}")]
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
