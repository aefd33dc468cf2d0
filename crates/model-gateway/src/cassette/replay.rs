//! Giving a recorded answer again.

use std::{collections::VecDeque, time::Duration};

use axum::{
    body::Bytes,
    http::{HeaderValue, StatusCode, header},
};
use futures::{StreamExt, stream::unfold};
use serde_json::Value;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep_until},
};

use super::{
    canon::{canonical, key},
    cassette_state::Lookup,
    file::{AGAIN, Chunk},
    nearest::{Nearest, SEARCH, nearest},
    registry::Cassettes,
    secret::Secrets,
};
use crate::{
    request::ChatRequest,
    response::{ChatResponse, Content},
};

/// Answers a request for `replay/NAME/MODEL`.
pub async fn replay(
    cassettes: &Cassettes,
    name: &str,
    model: &str,
    asked: &ChatRequest,
) -> ChatResponse {
    // Not a server's error: those are asked again.
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let Some(cassette) = cassettes.get(name) else {
        let text = format!(
            "cassette `{name}` is not loaded: PUT /cassettes/{name} before it is asked, or {AGAIN}"
        );
        return ChatResponse::refused(status, "cassette_miss", &text);
    };
    let began = Instant::now();
    let request: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let request = canonical(&request, model, &Secrets::of(&asked.headers));
    let key = key(&request);
    let missed = |used, near: Option<&Nearest>| {
        let message = cassette.miss(name, &key, used, near);
        ChatResponse::refused(status, "cassette_miss", &message)
    };
    let entry = match cassette.take(&key) {
        Lookup::Entry(entry) => entry,
        Lookup::Used(used) => return missed(used, None),
        Lookup::Others(others) => {
            // Everybody else's answers go on meanwhile.
            let near = spawn_blocking(move || nearest(&others, &request, SEARCH)).await;
            return missed(0, near.ok().flatten().as_ref());
        }
    };
    let kind = HeaderValue::from_str(&entry.content_type);
    let mut chunks = VecDeque::from(entry.chunks.clone());
    let mut response = ChatResponse::chunks(futures::stream::empty().boxed());
    response.content = if entry.content_type.starts_with("text/event-stream") {
        let wait = cassette.timed;
        let next = move |mut chunks: VecDeque<Chunk>| async move {
            let chunk = chunks.pop_front()?;
            if wait {
                sleep_until(began + Duration::from_millis(chunk.ms)).await;
            }
            Some((Ok(Bytes::from(chunk.text)), chunks))
        };
        Content::Chunks(unfold(chunks, next).boxed())
    } else {
        let text: String = chunks.drain(..).map(|chunk| chunk.text).collect();
        Content::Whole(text.into())
    };
    if let Ok(kind) = kind {
        response.headers.insert(header::CONTENT_TYPE, kind);
    }
    response
}
