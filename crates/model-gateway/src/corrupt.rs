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

#[cfg(test)]
mod tests {
    use super::*;

    const CUT: Damage = Damage {
        cut: Some(1),
        garbage: false,
    };

    /// What arrives of an answer that comes in chunks of these sizes and is cut after its first part, in bytes.
    async fn arrives(kind: &'static str, sizes: &[usize], end: &'static [u8]) -> Vec<usize> {
        let chunk = |size: &usize| Ok(Bytes::from(vec![b'x'; *size]));
        let chunks: Vec<_> = sizes
            .iter()
            .map(chunk)
            .chain([Ok(Bytes::from_static(end))])
            .collect();
        let headers = [(
            header::CONTENT_TYPE,
            axum::http::HeaderValue::from_static(kind),
        )];
        let content = Content::Chunks(iter(chunks).boxed());
        let Content::Chunks(damaged) = damaged(content, &headers.into_iter().collect(), CUT).await
        else {
            return Vec::new();
        };
        let arrived = damaged.filter_map(async |chunk| Some(chunk.ok()?.len()));
        arrived.collect().await
    }

    #[tokio::test]
    async fn an_event_is_held_back_up_to_a_limit_and_passes_in_parts_beyond_it() {
        let stream = "text/event-stream";
        let whole = arrives(stream, &[WAITS], b"\n\n").await;
        assert_eq!(whole, [WAITS + 2]);
        let part = arrives(stream, &[WAITS, 1, 10], b"\n\n").await;
        assert_eq!(part, [WAITS + 1]);
    }

    #[tokio::test]
    async fn an_answer_is_cut_in_its_middle_or_where_its_first_half_must_be() {
        let json = "application/json";
        assert_eq!(arrives(json, &[WAITS], b"12").await, [WAITS / 2 + 1]);
        assert_eq!(arrives(json, &[2 * WAITS, 10], b"12").await, [WAITS]);
    }
}
