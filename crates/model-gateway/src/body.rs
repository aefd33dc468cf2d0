//! Requests, read whole, and never more of them than there is room for.

use std::{fmt, time::Duration};

use axum::{
    body::{Body, HttpBody},
    http::StatusCode,
};
use futures::StreamExt;

use crate::budget::{Budget, Share};

/// Largest request, in bytes; conversations are text.
pub const MAX_REQUEST: usize = 32 * 1024 * 1024;

/// Requests up to so many bytes are read also where there is no room to keep them: whom they were for can be told then.
const SMALL: usize = 64 * 1024;

/// The longest silence in the middle of a request. Whoever sends has all of it already; a retransmission by TCP takes
/// seconds.
pub const SILENCE: Duration = Duration::from_secs(30);

/// A request's body.
#[derive(Debug)]
pub struct Read {
    /// All of it.
    pub bytes: Vec<u8>,
    /// The room that it takes, or why there is none.
    pub room: Result<Share, String>,
}

/// Why a request was not read.
#[derive(Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is larger than any request may be.
    TooLarge,
    /// There is no room for it: what to do.
    Full(String),
    /// It has no end: why.
    BrokeOff(String),
    /// Nothing more of it came for [`SILENCE`].
    Silent,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the request is larger than {MAX_REQUEST} bytes"),
            Self::Full(why) => f.write_str(why),
            Self::BrokeOff(why) => write!(f, "the request broke off: {why}"),
            Self::Silent => write!(f, "nothing more of the request came for {SILENCE:?}"),
        }
    }
}

impl Unread {
    /// What a model's client is told beside the message: a status that it does not ask again after, and a word for
    /// programs.
    pub fn told(&self) -> (StatusCode, &'static str) {
        match self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error"),
            Self::Full(_) => (StatusCode::UNPROCESSABLE_ENTITY, "gateway_full"),
            Self::BrokeOff(_) => (StatusCode::BAD_REQUEST, "invalid_request_error"),
            Self::Silent => (StatusCode::REQUEST_TIMEOUT, "invalid_request_error"),
        }
    }
}

/// Reads a request. Room is taken before its bytes are: for as many as it announces, else as they come.
///
/// # Errors
/// When it is not read to its end.
pub async fn read(body: Body, budget: &Budget) -> Result<Read, Unread> {
    let announced = body.size_hint().exact();
    let announced = announced.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    let mut size = allowed(announced.unwrap_or(0))?;
    let mut room = known(size, budget.take(size))?;
    let mut bytes = Vec::with_capacity(size);
    let mut chunks = body.into_data_stream();
    let mut next = async || {
        let next = tokio::time::timeout(SILENCE, chunks.next()).await;
        next.map_err(|_| Unread::Silent)
    };
    while let Some(chunk) = next().await? {
        let chunk = chunk.map_err(|error| Unread::BrokeOff(error.to_string()))?;
        if announced.is_none() {
            size = allowed(bytes.len() + chunk.len())?;
            room = known(size, room.and_then(|room| room.and(chunk.len())))?;
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Read { bytes, room })
}

fn allowed(size: usize) -> Result<usize, Unread> {
    Some(size)
        .filter(|size| *size <= MAX_REQUEST)
        .ok_or(Unread::TooLarge)
}

/// The room for a request of this size; without any only small ones are read.
fn known(size: usize, room: Result<Share, String>) -> Result<Result<Share, String>, Unread> {
    match room {
        Err(why) if size > SMALL => Err(Unread::Full(why)),
        room => Ok(room),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use futures::stream;

    use super::*;

    fn unannounced(chunks: usize, size: usize) -> Body {
        let chunk = Bytes::from(vec![b'x'; size]);
        let chunks = (0..chunks).map(move |_| Ok::<_, std::io::Error>(chunk.clone()));
        Body::from_stream(stream::iter(chunks))
    }

    #[tokio::test]
    async fn room_is_taken_before_bytes_are_and_given_back() {
        let budget = Budget::new(10 * SMALL);
        let body = || Body::from(vec![b'x'; 6 * SMALL]);
        let first = read(body(), &budget).await.unwrap();
        assert_eq!(first.bytes.len(), 6 * SMALL);
        let why = read(body(), &budget).await.unwrap_err();
        assert!(
            matches!(&why, Unread::Full(why) if why.contains("DELETE")),
            "{why}"
        );
        let why = read(unannounced(6, SMALL), &budget).await.unwrap_err();
        assert!(matches!(why, Unread::Full(_)), "{why}");
        drop(first);
        let all = read(unannounced(10, SMALL), &budget).await.unwrap();
        assert_eq!((all.bytes.len(), all.room.is_ok()), (10 * SMALL, true));
        let small = read(Body::from("small"), &budget).await.unwrap();
        assert_eq!((small.bytes.len(), small.room.is_ok()), (5, false));
    }

    #[tokio::test]
    async fn what_is_too_large_or_broken_is_told_apart() {
        let budget = Budget::new(usize::MAX);
        let why = read(unannounced(33, 1 << 20), &budget).await.unwrap_err();
        assert_eq!(why, Unread::TooLarge);
        let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("no more"))]);
        let why = read(Body::from_stream(broken), &budget).await.unwrap_err();
        assert!(
            matches!(&why, Unread::BrokeOff(why) if why.contains("no more")),
            "{why}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_upload_ends() {
        let after = |pause: Duration| {
            let chunks = stream::once(async move {
                tokio::time::sleep(pause).await;
                Ok::<_, std::io::Error>(Bytes::from_static(b"b"))
            });
            let first = stream::iter([Ok(Bytes::from_static(b"a"))]);
            Body::from_stream(first.chain(chunks))
        };
        let budget = Budget::new(usize::MAX);
        let short = Duration::from_millis(1);
        let whole = read(after(SILENCE - short), &budget).await.unwrap();
        assert_eq!(whole.bytes, b"ab");
        let why = read(after(SILENCE + short), &budget).await.unwrap_err();
        assert_eq!(why.told().0, StatusCode::REQUEST_TIMEOUT);
        assert_eq!(why.to_string(), "nothing more of the request came for 30s");
    }

    #[tokio::test]
    async fn the_largest_request_is_read() {
        let budget = Budget::new(MAX_REQUEST);
        let all = read(unannounced(32, 1 << 20), &budget).await.unwrap();
        assert_eq!((all.bytes.len(), all.room.is_ok()), (MAX_REQUEST, true));
    }
}
