//! `serve`: the gateway itself.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Method, Response, StatusCode, Uri},
    routing::{get, post},
};
use futures::TryStreamExt;
use serde_json::json;
use service_kit::{Stop, health};

use crate::{
    admin, body,
    chat::chat,
    config::Serve,
    forward::Upstream,
    gateway::Gateway,
    listen::serve,
    request::ChatRequest,
    response::{self, Content},
};

/// The gateway's routes.
pub fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/models", get(models))
        .route("/api/ps", get(of_ollama))
        .route("/api/show", post(of_ollama))
        .route(health::PATH, get(healthy))
        .merge(admin::routes())
        .fallback(unknown)
        .method_not_allowed_fallback(other_method)
        .with_state(gateway)
}

/// Runs `serve` until SIGTERM.
///
/// # Errors
/// When the configuration is wrong or the address cannot be bound.
pub async fn run(args: Serve) -> anyhow::Result<()> {
    let mut stop = Stop::install()?;
    let gateway = Gateway::new(&args)?;
    let upstream = gateway.upstream.as_ref().map(Upstream::shown);
    let upstream = upstream.as_deref().unwrap_or("none");
    tracing::info!(upstream, mode = ?gateway.mode, "serving");
    let gateway = Arc::new(gateway);
    let ending = Arc::clone(&gateway);
    let end = move || {
        // Nobody is going to release them.
        ending.shutdown.cancel();
        ending.scripts.close();
    };
    serve(&args.listen, router(gateway), stop.asked(), end).await
}

/// Nobody else is asked: a gateway without a model is whole, and a model may cost money.
async fn healthy(State(gateway): State<Arc<Gateway>>) -> Response<Body> {
    let upstream = gateway.upstream.as_ref().map(Upstream::shown);
    let state = json!({ "mode": gateway.mode, "upstream": upstream });
    response::json(StatusCode::OK, &state)
}

async fn models(State(gateway): State<Arc<Gateway>>, request: Request) -> Response<Body> {
    let Some(upstream) = &gateway.upstream else {
        let scripts = gateway.scripts.keys().into_iter().map(|key| {
            json!({ "id": format!("script/{key}"), "object": "model", "created": 0, "owned_by": "model-gateway" })
        });
        let scripts: Vec<_> = scripts.collect();
        return response::json(
            StatusCode::OK,
            &json!({ "object": "list", "data": scripts }),
        );
    };
    passed(&gateway, upstream, request).await
}

/// What Ollama says of a model's context, which it tells nowhere below `/v1`.
async fn of_ollama(State(gateway): State<Arc<Gateway>>, request: Request) -> Response<Body> {
    match &gateway.upstream {
        Some(upstream) => passed(&gateway, upstream, request).await,
        None => {
            let why = "no Ollama is behind the gateway: GATEWAY_UPSTREAM is not set";
            response::error(StatusCode::NOT_FOUND, "invalid_request_error", why)
        }
    }
}

async fn passed(gateway: &Gateway, upstream: &Upstream, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let read = match body::read(body, &gateway.budget).await {
        Ok(read) => read,
        Err(unread) => {
            let (status, kind) = unread.told();
            return response::error(status, kind, &unread.to_string());
        }
    };
    let request = ChatRequest {
        uri: parts.uri,
        headers: parts.headers,
        body: read.bytes.into(),
        room: read.room,
    };
    let answer = upstream.pass(parts.method, request).await;
    let body = match answer.content {
        Content::Whole(bytes) => Body::from(bytes),
        Content::Chunks(chunks) => {
            Body::from_stream(chunks.map_err(|_| std::io::Error::other("the model broke off")))
        }
    };
    let mut response = Response::new(body);
    (*response.status_mut(), *response.headers_mut()) = (answer.status, answer.headers);
    response
}

async fn other_method(method: Method, uri: Uri) -> Response<Body> {
    let text = format!("{} takes no {method}", uri.path());
    response::error(
        StatusCode::METHOD_NOT_ALLOWED,
        "invalid_request_error",
        &text,
    )
}

async fn unknown(method: Method, uri: Uri) -> Response<Body> {
    let text = format!(
        "the gateway does not know {method} {}: it has POST /v1/chat/completions, GET /v1/models, Ollama's GET /api/ps and POST /api/show, \
         and for tests /scripts/KEY, /faults/ID and /cassettes/NAME",
        uri.path()
    );
    response::error(StatusCode::NOT_FOUND, "invalid_request_error", &text)
}
