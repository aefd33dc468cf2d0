//! Requests to the model, its answers back as they come.

use std::time::Duration;

use anyhow::Context;
use axum::http::{Method, StatusCode, Uri};
use futures::StreamExt;
use reqwest::{Client, Url, redirect::Policy};
use service_kit::http_client;

use crate::{
    hop_by_hop::end_to_end,
    outcome::Outcome,
    request::ChatRequest,
    response::{Broken, ChatResponse, Content, Damage},
};

/// Longest wait for a connection to the model.
pub const CONNECT: Duration = Duration::from_secs(5);

/// The model behind the gateway.
#[derive(Debug)]
pub struct Upstream {
    http: Client,
    base: Url,
}

impl Upstream {
    /// Checks the address; asks nothing yet.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(address: &str) -> anyhow::Result<Self> {
        let wrong = "GATEWAY_UPSTREAM is no URL: it takes http://HOST:PORT/v1";
        let base = Url::parse(address.trim_end_matches('/')).context(wrong)?;
        anyhow::ensure!(matches!(base.scheme(), "http" | "https"), wrong);
        let http = http_client(&base)
            .connect_timeout(CONNECT)
            .redirect(Policy::none()) // a redirect is the client's to follow
            .build()
            .context("cannot make a HTTP client")?;
        Ok(Self { http, base })
    }

    /// The address without what may be secret in it.
    pub fn shown(&self) -> String {
        service_kit::url::shown(&self.base)
    }

    /// Below the base what is below `/v1` here, and beside it what is beside.
    fn url(&self, uri: &Uri) -> Url {
        let base = self.base.path().trim_end_matches('/');
        let (root, path) = match uri.path().strip_prefix("/v1") {
            Some(path) => (base, path),
            None => (base.strip_suffix("/v1").unwrap_or(base), uri.path()),
        };
        let mut url = self.base.clone();
        url.set_path(&format!("{root}{path}"));
        if uri.query().is_some() {
            url.set_query(uri.query());
        }
        url
    }

    fn unreachable(&self, error: reqwest::Error) -> String {
        // reqwest's own text says what failed, its sources say why.
        let error = anyhow::Error::from(error.without_url());
        format!("the model at {} cannot be reached: {error:#}", self.shown())
    }

    /// Passes on a chat completion.
    pub async fn chat(&self, request: ChatRequest) -> ChatResponse {
        self.pass(Method::POST, request).await
    }

    /// Passes on a question that no answer of a model is wanted for.
    pub async fn pass(&self, method: Method, request: ChatRequest) -> ChatResponse {
        let sending = self
            .http
            .request(method, self.url(&request.uri))
            .headers(end_to_end(&request.headers))
            .body(request.body)
            .send();
        let answer = match sending.await {
            Ok(answer) => answer,
            Err(error) => {
                let why = self.unreachable(error);
                return ChatResponse {
                    outcome: Outcome::Unreachable,
                    ..ChatResponse::refused(StatusCode::BAD_GATEWAY, "upstream_unreachable", &why)
                };
            }
        };
        ChatResponse {
            status: answer.status(),
            headers: end_to_end(answer.headers()),
            content: Content::Chunks(
                answer
                    .bytes_stream()
                    .map(|chunk| chunk.map_err(Broken::Model))
                    .boxed(),
            ),
            outcome: Outcome::Complete,
            damage: Damage::default(),
        }
    }
}
