//! Answers that are damaged on purpose, event by event.

use std::collections::VecDeque;

use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use futures::{
    StreamExt,
    stream::{iter, unfold},
};

use crate::{
    response::{Broken, Chunks, Content, Damage},
    sse::Events,
};

/// An event that is no JSON.
pub(crate) const GARBAGE: Bytes =
    Bytes::from_static(b"data: {\"choices\":[{\"delta\":{\"conte\n\n");

/// How much of an answer is held back, in bytes, to find an event's end or the answer's middle.
const WAITS: usize = 1024 * 1024;

/// The answer, damaged.
pub(crate) async fn damaged(content: Content, headers: &HeaderMap, damage: Damage) -> Content {
    if damage == Damage::default() {
        return content;
    }
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let chunks = match content {
        Content::Whole(bytes) => return halved(bytes, damage),
        Content::Chunks(chunks) if kind.starts_with("text/event-stream") => chunks,
        Content::Chunks(mut chunks) => {
            let mut whole = Vec::new();
            // The middle of what is longer is where enough of it came.
            while whole.len() < 2 * WAITS {
                match chunks.next().await {
                    Some(Ok(chunk)) => whole.extend_from_slice(&chunk),
                    Some(Err(broken)) => return Content::Chunks(iter([Err(broken)]).boxed()),
                    None => break,
                }
            }
            return halved(whole.into(), damage);
        }
    };
    let spoiling = Spoiling {
        chunks,
        events: Events::default(),
        ready: VecDeque::new(),
        passed: 0,
        damage,
    };
    Content::Chunks(unfold(Some(spoiling), Spoiling::next).boxed())
}

/// The first half of an answer that is no stream.
fn halved(bytes: Bytes, damage: Damage) -> Content {
    let half = bytes.slice(..bytes.len() / 2);
    match damage.cut {
        None => Content::Whole(half),
        Some(0) => Content::Chunks(iter([Err(Broken::OnPurpose)]).boxed()),
        Some(_) => Content::Chunks(iter([Ok(half), Err(Broken::OnPurpose)]).boxed()),
    }
}

/// A stream on its way to be damaged, event by event.
struct Spoiling {
    chunks: Chunks,
    events: Events,
    ready: VecDeque<Bytes>,
    passed: usize,
    damage: Damage,
}

impl Spoiling {
    async fn next(this: Option<Self>) -> Option<(Result<Bytes, Broken>, Option<Self>)> {
        let mut this = this?;
        loop {
            if this.damage.cut == Some(this.passed) {
                return Some((Err(Broken::OnPurpose), None));
            }
            if this.damage.garbage && this.passed == 1 {
                this.damage.garbage = false;
                return Some((Ok(GARBAGE), Some(this)));
            }
            if let Some(event) = this.ready.pop_front() {
                this.passed += 1;
                return Some((Ok(event), Some(this)));
            }
            match this.chunks.next().await {
                Some(Ok(chunk)) => {
                    let events = this.events.push(&chunk);
                    this.ready.extend(events.into_iter().map(Bytes::from));
                    // What has no end so far counts as an event.
                    let long = this.events.held() > WAITS;
                    let part = long.then(|| this.events.rest()).flatten();
                    this.ready.extend(part.map(Bytes::from));
                }
                Some(Err(broken)) => return Some((Err(broken), None)),
                None => match this.events.rest() {
                    Some(rest) => this.ready.push_back(rest.into()),
                    None if this.damage.cut.is_some() => {
                        return Some((Err(Broken::OnPurpose), None));
                    }
                    None => return None,
                },
            }
        }
    }
}
