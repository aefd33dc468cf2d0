//! Giving a recorded answer again.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    http::{HeaderValue, StatusCode, header},
};
use futures::{StreamExt, stream::unfold};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep_until},
};

use super::{
    canon::{self, canonical, key},
    cassette_state::Lookup,
    file::{AGAIN, Entry},
    nearest::{Nearest, SEARCH, nearest},
    registry::Cassettes,
    secret::Secrets,
};
use crate::{
    aside::aside,
    budget::Budget,
    footprint::footprint,
    request::{ChatRequest, NO_JSON},
    response::{ChatResponse, Content},
};

/// Answers a request for `replay/NAME/MODEL`.
pub async fn replay(
    cassettes: &Cassettes,
    budget: &Budget,
    (name, model): (&str, &str),
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
    let (body, secrets) = (asked.body.clone(), Secrets::of(&asked.headers));
    let (budget, model) = (budget.clone(), model.to_owned());
    let read = aside(body.len(), move || {
        // The request as it came and as it is compared.
        let room = budget.take(2 * footprint(&body));
        let room = room.map_err(|why| (status, "gateway_full", why))?;
        let request = canon::read(&body);
        let request = request.map_err(|why| (StatusCode::BAD_REQUEST, NO_JSON, why))?;
        let request = canonical(&request, &model, &secrets);
        Ok((key(&request), request, room))
    });
    let (key, request, room) = match read.await {
        Ok(read) => read,
        Err((status, kind, why)) => return ChatResponse::refused(status, kind, &why),
    };
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
    drop((request, room));
    let kind = HeaderValue::from_str(&entry.content_type);
    let mut response = ChatResponse::chunks(futures::stream::empty().boxed());
    response.content = if entry.content_type.starts_with("text/event-stream") {
        let began = cassette.timed.then_some(began);
        let next = move |(entry, at): (Arc<Entry>, usize)| async move {
            let chunk = entry.chunks.get(at)?;
            if let Some(began) = began {
                sleep_until(began + Duration::from_millis(chunk.ms)).await;
            }
            let text = Bytes::copy_from_slice(chunk.text.as_bytes());
            Some((Ok(text), (entry, at + 1)))
        };
        Content::Chunks(unfold((entry, 0), next).boxed())
    } else {
        let texts = entry.chunks.iter().map(|chunk| chunk.text.as_str());
        Content::Whole(texts.collect::<String>().into())
    };
    if let Ok(kind) = kind {
        response.headers.insert(header::CONTENT_TYPE, kind);
    }
    response
}
