//! A chat completion from request to line: who answers, what goes wrong on purpose, and how it ended.

use std::{fmt, io, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, Response, StatusCode, Uri},
};
use futures::{StreamExt, stream::unfold};

use crate::{
    access_log::{AccessLog, Exchange, Lane, Outcome},
    body::{self, Unread},
    budget::{Budget, Share},
    cassette::{self, Cassettes},
    config::Mode,
    connection::Connection,
    corrupt::{Damage, damaged},
    fault::Faults,
    forward::Upstream,
    over::Over,
    response::{Broken, ChatResponse, Chunks, Content},
    route::Route,
    script::{self, Scripts},
};

/// All that the gateway knows.
#[derive(Debug)]
pub struct Gateway {
    /// The model, where there is one.
    pub upstream: Option<Upstream>,
    /// What becomes of requests for cassettes.
    pub mode: Mode,
    /// What tests registered.
    pub scripts: Scripts,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// What was recorded, or is to be replayed.
    pub cassettes: Cassettes,
    /// What may still be held.
    pub budget: Budget,
    /// Whether it is to end.
    pub over: Over,
    /// Where the lines go.
    pub exchanges: AccessLog,
}

/// A request, whole.
#[derive(Debug)]
pub struct ChatRequest {
    /// Its path and query.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// The room that it takes, or why there is none to keep it.
    pub room: Result<Share, String>,
}

/// `POST /v1/chat/completions`.
pub async fn chat(State(gateway): State<Arc<Gateway>>, request: Request) -> Response<Body> {
    // Only the gateway's own listener knows how to reset a connection.
    let client = request.extensions().get::<ConnectInfo<Connection>>();
    let client = client.map(|client| client.0.clone()).unwrap_or_default();
    let (parts, body) = request.into_parts();
    let mut exchange = Exchange::begin(&gateway.exchanges, parts.uri.path());
    // The request is needed whole to know its model; the answer, which is what takes time, is not.
    let asked = match body::read(body, &gateway.budget).await {
        Ok(read) => ChatRequest {
            uri: parts.uri,
            headers: parts.headers,
            body: read.bytes.into(),
            room: read.room,
        },
        Err(unread) => {
            let (status, kind) = unread.told();
            let mut refused = ChatResponse::refused(status, kind, &unread.to_string());
            if matches!(unread, Unread::BrokeOff(_)) {
                refused.outcome = Outcome::ClientGone;
            }
            return deliver(refused, exchange, client).await;
        }
    };
    exchange.asked(&asked.body);
    exchange.lane = Some(match Route::of(exchange.model()) {
        Route::Script(_) => Lane::Script,
        Route::Replay { .. } if gateway.mode == Mode::Replay => Lane::Replay,
        Route::Replay { .. } | Route::Live => Lane::Live,
    });
    let mut damage = Damage::default();
    if let Some((id, fault)) = gateway.faults.strike(exchange.model()) {
        exchange.fault = Some(id);
        if let Some(answered) = fault.instead(&gateway.over).await {
            return deliver(answered, exchange, client).await;
        }
        damage = fault.damage();
    }
    let mut answered = gateway.answer(asked, &mut exchange).await;
    // What the gateway says itself is for whoever wrote the test.
    if damage != Damage::default() && answered.outcome == Outcome::Complete {
        answered.damage = damage;
    }
    deliver(answered, exchange, client).await
}

impl Gateway {
    async fn answer(&self, asked: ChatRequest, exchange: &mut Exchange) -> ChatResponse {
        match Route::of(exchange.model()) {
            Route::Script(key) => script::play(self, &key, asked, exchange).await,
            Route::Replay { cassette, model } => {
                exchange.cassette = Some(cassette.clone());
                match self.mode {
                    Mode::Replay => cassette::replay(self, &cassette, &model, &asked).await,
                    Mode::Record => cassette::record(self, &cassette, &model, asked).await,
                    Mode::Live => match cassette::renamed(&asked.body, &model) {
                        Ok(body) => self.live(ChatRequest { body, ..asked }).await,
                        Err(refused) => *refused,
                    },
                }
            }
            Route::Live => self.live(asked).await,
        }
    }

    /// Asks the model.
    pub async fn live(&self, asked: ChatRequest) -> ChatResponse {
        match &self.upstream {
            Some(upstream) => upstream.chat(asked).await,
            None => ChatResponse::refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "no_live_model",
                "there is no live model behind the gateway (GATEWAY_UPSTREAM is not set): it answers for script/KEY \
                 and replay/CASSETTE/MODEL only",
            ),
        }
    }
}

/// What hyper ends a connection with.
#[derive(Debug)]
struct Ended(Broken);

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Broken::Model(error) => write!(f, "the model broke off: {error}"),
            Broken::OnPurpose => f.write_str("cut on purpose"),
        }
    }
}

impl std::error::Error for Ended {}

/// Damages, counts and sends an answer.
async fn deliver(
    answered: ChatResponse,
    mut exchange: Exchange,
    client: Connection,
) -> Response<Body> {
    let ChatResponse {
        status,
        headers,
        content,
        outcome,
        damage,
    } = answered;
    exchange.status = Some(status.as_u16());
    let body = match damaged(content, &headers, damage).await {
        Content::Whole(bytes) => {
            exchange.chunk(&bytes);
            exchange.outcome = outcome;
            Body::from(bytes)
        }
        Content::Chunks(chunks) => sent(chunks, exchange, outcome, client),
    };
    let mut response = Response::new(body);
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response
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
                    Broken::OnPurpose => Outcome::Cut,
                };
                // Once more to hyper, which sends what it has when there is nothing new, and forgets it on an error.
                tokio::task::yield_now().await;
                // The client's connection is cut too, so that it cannot take the part for the whole.
                client.reset();
                Some((Err(io::Error::other(Ended(broken))), None))
            }
            None => {
                exchange.outcome = outcome;
                None
            }
        }
    }))
}
