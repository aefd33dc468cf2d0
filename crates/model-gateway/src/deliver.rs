//! An answer on its way to the client: damaged where a test asked for it, counted, and ended as it ends.

use std::{fmt, io};

use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use futures::{StreamExt, stream::unfold};

use crate::{
    access_log::Exchange,
    connection::Connection,
    corrupt::damaged,
    outcome::Outcome,
    response::{Broken, ChatResponse, Chunks, Content},
};

/// What hyper ends a connection with.
#[derive(Debug)]
struct Ended(Broken);

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Broken::Model(error) => write!(f, "the model broke off: {error}"),
            Broken::OnPurpose => f.write_str("cut on purpose"),
            Broken::Closed => f.write_str("closed on purpose"),
        }
    }
}

impl std::error::Error for Ended {}

/// Damages, counts and sends an answer.
pub async fn deliver(
    response: ChatResponse,
    mut exchange: Exchange,
    client: Connection,
) -> Response<Body> {
    let ChatResponse {
        status,
        headers,
        content,
        outcome,
        damage,
    } = response;
    exchange.status = Some(status.as_u16());
    let body = match damaged(content, &headers, damage).await {
        Content::Whole(bytes) => {
            exchange.chunk(&bytes);
            exchange.outcome = outcome;
            Body::from(bytes)
        }
        // Nobody asks for the body of such an answer, not even for its end.
        Content::Chunks(_) if is_bodiless(status) => {
            exchange.outcome = outcome;
            Body::empty()
        }
        Content::Chunks(chunks) => sent(chunks, exchange, outcome, client),
    };
    let mut response = Response::new(body);
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response
}

/// Whether an answer with this status ends with its headers (RFC 9110, 6.4.1).
fn is_bodiless(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Polled only when the client takes more, and dropped with the client: that closes the model's connection.
fn sent(chunks: Chunks, exchange: Exchange, outcome: Outcome, client: Connection) -> Body {
    let state = Some((chunks, exchange, client));
    Body::from_stream(unfold(state, move |state| async move {
        let (mut chunks, mut exchange, client) = state?;
        match chunks.next().await {
            Some(Ok(chunk)) => {
                exchange.chunk(&chunk);
                Some((Ok(chunk), Some((chunks, exchange, client))))
            }
            Some(Err(broken)) => {
                exchange.outcome = match broken {
                    Broken::Model(_) => Outcome::BrokeOff,
                    Broken::OnPurpose | Broken::Closed => Outcome::Cut,
                };
                // Once more to hyper, which sends what it has when there is nothing new, and forgets it on an error.
                tokio::task::yield_now().await;
                // The client's connection is cut too, so that it cannot take the part for the whole.
                if !matches!(broken, Broken::Closed) {
                    client.reset();
                }
                Some((Err(io::Error::other(Ended(broken))), None))
            }
            None => {
                exchange.outcome = outcome;
                None
            }
        }
    }))
}
