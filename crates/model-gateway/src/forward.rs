//! `forward`: requests to one model, its answers back as they come.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, Response, StatusCode, Uri, header},
    routing::{get, post},
};
use futures::StreamExt;
use reqwest::{Client, Url, redirect::Policy};

use crate::{
    answer,
    config::Forward,
    exchange::{Exchange, Exchanges, Outcome},
    health,
    listen::{Stop, serve},
};

/// Largest request; conversations are text.
const MAX_REQUEST: usize = 32 * 1024 * 1024;
/// Longest wait for a connection to the model.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer of the model's address counts: health is asked every second, and the address may cost money.
const REACHED: Duration = Duration::from_secs(30);

/// Headers that belong to one connection, not to the message (RFC 9110, 7.6.1), and those that each side makes anew.
const HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::HOST,
    header::CONTENT_LENGTH,
];

/// The model behind the gateway.
#[derive(Debug)]
pub struct Upstream {
    http: Client,
    base: Url,
    exchanges: Exchanges,
    reached: Mutex<Option<Instant>>,
}

impl Upstream {
    /// Checks the address; asks nothing yet.
    ///
    /// # Errors
    /// When it is none, or the file of exchanges cannot be opened.
    pub fn new(args: &Forward) -> anyhow::Result<Self> {
        let wrong = "GATEWAY_UPSTREAM is no URL: it takes http://HOST:PORT/v1";
        let base = Url::parse(args.upstream.trim_end_matches('/')).context(wrong)?;
        anyhow::ensure!(matches!(base.scheme(), "http" | "https"), wrong);
        let http = Client::builder()
            .connect_timeout(CONNECT)
            .redirect(Policy::none()) // a redirect is the client's to follow
            .build()
            .context("cannot make a HTTP client")?;
        let exchanges = Exchanges::to(args.exchanges.as_deref())?;
        Ok(Self {
            http,
            base,
            exchanges,
            reached: Mutex::new(None),
        })
    }

    /// The address without what may be secret in it.
    pub fn shown(&self) -> String {
        let mut url = self.base.clone();
        // These fail only for addresses that cannot have them.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.to_string()
    }

    fn url(&self, uri: &Uri) -> Url {
        let path = uri.path().strip_prefix("/v1").unwrap_or(uri.path());
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if uri.query().is_some() {
            url.set_query(uri.query());
        }
        url
    }

    /// Whether the model's address answers at all, whatever it answers.
    ///
    /// # Errors
    /// Why not.
    pub async fn reach(&self) -> Result<(), String> {
        let last = self.reached.lock().ok().and_then(|last| *last);
        if last.is_some_and(|last| last.elapsed() < REACHED) {
            return Ok(());
        }
        let url = self.url(&Uri::from_static("/v1/models"));
        let asked = self.http.get(url).timeout(CONNECT).send().await;
        asked.map_err(|error| self.unreachable(error))?;
        if let Ok(mut last) = self.reached.lock() {
            *last = Some(Instant::now());
        }
        Ok(())
    }

    fn unreachable(&self, error: reqwest::Error) -> String {
        // reqwest's own text says what failed, its sources say why.
        let error = anyhow::Error::from(error.without_url());
        format!("the model at {} cannot be reached: {error:#}", self.shown())
    }
}

/// The gateway's routes.
pub fn router(upstream: Arc<Upstream>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(pass))
        .route("/v1/models", get(pass))
        .route(health::PATH, get(healthy))
        .fallback(unknown)
        .with_state(upstream)
}

/// Runs `forward` until SIGTERM.
///
/// # Errors
/// When the configuration is wrong or the address cannot be bound.
pub async fn run(args: Forward) -> anyhow::Result<()> {
    let stop = Stop::install()?;
    let upstream = Arc::new(Upstream::new(&args)?);
    tracing::info!(upstream = upstream.shown(), "forwarding");
    serve(&args.listen, router(upstream), stop).await
}

async fn healthy(State(upstream): State<Arc<Upstream>>) -> Response<Body> {
    match upstream.reach().await {
        Ok(()) => answer::json(
            StatusCode::OK,
            &serde_json::json!({ "upstream": upstream.shown() }),
        ),
        Err(why) => answer::error(
            StatusCode::SERVICE_UNAVAILABLE,
            "upstream_unreachable",
            &why,
        ),
    }
}

async fn unknown(method: Method, uri: Uri) -> Response<Body> {
    let text = format!(
        "the gateway does not know {method} {}: it has POST /v1/chat/completions and GET /v1/models",
        uri.path()
    );
    answer::error(StatusCode::NOT_FOUND, "invalid_request_error", &text)
}

async fn pass(State(upstream): State<Arc<Upstream>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    // The request is needed whole to know its model; the answer, which is what takes time, is not.
    let Ok(body) = to_bytes(body, MAX_REQUEST).await else {
        let text = format!("the request is larger than {MAX_REQUEST} bytes or broke off");
        return answer::error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "invalid_request_error",
            &text,
        );
    };
    let mut exchange = Exchange::begin(&upstream.exchanges, parts.uri.path(), &body);
    let asked = upstream
        .http
        .request(parts.method, upstream.url(&parts.uri))
        .headers(end_to_end(&parts.headers))
        .body(body)
        .send()
        .await;
    let answered = match asked {
        Ok(answered) => answered,
        Err(error) => {
            exchange.outcome = Outcome::Unreachable;
            let why = upstream.unreachable(error);
            tracing::warn!("{why}");
            return answer::error(StatusCode::BAD_GATEWAY, "upstream_unreachable", &why);
        }
    };
    exchange.status = Some(answered.status().as_u16());
    let (status, headers) = (answered.status(), end_to_end(answered.headers()));
    // Polled only when the client takes more, and dropped with the client: that closes the model's connection.
    let chunks = futures::stream::unfold(
        Some((answered.bytes_stream(), exchange)),
        |state| async move {
            let (mut chunks, mut exchange) = state?;
            match chunks.next().await {
                Some(Ok(chunk)) => {
                    exchange.chunk(chunk.len());
                    Some((Ok(chunk), Some((chunks, exchange))))
                }
                Some(Err(error)) => {
                    exchange.outcome = Outcome::BrokeOff;
                    // The client's connection is cut too, so that it cannot take the part for the whole.
                    Some((Err(error), None))
                }
                None => {
                    exchange.outcome = Outcome::Complete;
                    None
                }
            }
        },
    );
    let mut response = Response::new(Body::from_stream(chunks));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response
}

fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in &HOP {
        kept.remove(name);
    }
    kept
}
