//! A chat completion from request to line: who answers, what goes wrong on purpose, and how it ended.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::Response,
};

use crate::{
    access_log::Exchange,
    body::{self, Unread},
    config::Mode,
    connection::Connection,
    deliver::deliver,
    gateway::Gateway,
    outcome::{Lane, Outcome},
    request::ChatRequest,
    response::{ChatResponse, Damage},
    route::Route,
};

/// `POST /v1/chat/completions`.
pub async fn chat(State(gateway): State<Arc<Gateway>>, request: Request) -> Response<Body> {
    // Only the gateway's own listener knows how to reset a connection.
    let client = request.extensions().get::<ConnectInfo<Connection>>();
    let client = client.map(|client| client.0.clone()).unwrap_or_default();
    let (parts, body) = request.into_parts();
    let mut exchange = Exchange::begin(&gateway.exchanges, parts.uri.path());
    let traceparent = parts.headers.get("traceparent");
    exchange.traceparent = traceparent.and_then(|it| Some(it.to_str().ok()?.to_owned()));
    // The request is needed whole to know its model; the answer, which is what takes time, is not.
    let request = match body::read(body, &gateway.budget).await {
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
    match request.head().await {
        Ok(head) => exchange.asked(head, request.body.len()),
        Err(refused) => return deliver(*refused, exchange, client).await,
    }
    exchange.lane = Some(match Route::of(exchange.model()) {
        Route::Script(_) => Lane::Script,
        Route::Replay { .. } if gateway.mode == Mode::Replay => Lane::Replay,
        Route::Replay { .. } | Route::Live => Lane::Live,
    });
    let mut damage = Damage::default();
    if let Some((id, fault)) = gateway.faults.strike(exchange.model()) {
        exchange.fault = Some(id);
        if let Some(response) = fault.instead(&gateway.shutdown).await {
            return deliver(response, exchange, client).await;
        }
        damage = fault.damage();
    }
    let mut response = gateway.answer(request, &mut exchange).await;
    // What the gateway says itself is for whoever wrote the test.
    if damage != Damage::default() && response.outcome == Outcome::Complete {
        response.damage = damage;
    }
    deliver(response, exchange, client).await
}
