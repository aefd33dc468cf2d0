//! Asking the model: any OpenAI-compatible address, its answer streamed.

mod address;
pub(crate) mod answer_stream;
mod calls;
pub(crate) mod chunk;
mod context;
pub(crate) mod error;
mod event_stream;
mod halves;
mod head;
mod message;
mod request;
mod retry_after;

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use futures::StreamExt;
use otlp::Span;
use reqwest::{Client, Method, Response, StatusCode, Url, header::HeaderValue};
use serde_json::Value;
use service_kit::http_client;
use stigmer_api::trace::TRACEPARENT;
use tokio::time::Instant;

use address::Address;
use agent_tools::ToolSpec;
use answer_stream::AnswerStream;
use context::Contexts;
use error::{ApiError, ModelError, excerpt};
use head::{encoded, moved, redirects};
pub(crate) use message::{ChatMessage, FunctionCall};
use request::{Memory, Request, takes_no_tools};

use crate::{config::ModelArgs, provider::Provider};

/// How often one question is put in other words, for a model that does not take some of it.
const WORDINGS: usize = 3;
/// How much is read of a refusal, in bytes: its first words are told.
const MOST_OF_A_REFUSAL: usize = 64 * 1024;

/// A client of one address; cheap to clone.
#[derive(Clone)]
pub(crate) struct Model {
    http: Client,
    base: Url,
    address: Address,
    api_key: Option<String>,
    provider: Provider,
    max_tokens: u32,
    context_tokens: Option<u32>,
    contexts: Arc<Contexts>,
    memory: Arc<Memory>,
}

impl Model {
    pub(crate) fn new(args: &ModelArgs) -> anyhow::Result<Self> {
        let wrong = "STIGMER_LLM_BASE_URL is no URL: it takes http://HOST:PORT/v1";
        let base = Url::parse(args.base_url()?.trim_end_matches('/')).context(wrong)?;
        anyhow::ensure!(matches!(base.scheme(), "http" | "https"), wrong);
        let http = http_client(&base)
            .connect_timeout(Duration::from_secs(3))
            .redirect(redirects())
            .build()
            .context("cannot make a HTTP client")?;
        let api_key = args.key();
        let sent = api_key
            .as_ref()
            .map_or(Ok(()), |key| HeaderValue::from_str(key).map(drop));
        sent.context(
            "STIGMER_LLM_API_KEY has a character that no header can carry: write it anew",
        )?;
        let address = Address::new(&base, api_key.as_deref(), args.timeout(), args.answer());
        Ok(Self {
            http,
            base,
            address,
            api_key,
            provider: args.provider,
            max_tokens: args.max_tokens,
            context_tokens: args.context_tokens,
            contexts: Arc::default(),
            memory: Arc::default(),
        })
    }

    /// Says whom a span's question goes to.
    pub(crate) fn describe(&self, span: &mut Span) {
        span.text("gen_ai.provider.name", self.provider.name());
        span.text("server.address", self.base.host_str().unwrap_or_default());
        let port = self.base.port_or_known_default();
        span.number("server.port", port.unwrap_or_default());
    }

    fn request(&self, method: Method, url: Url) -> reqwest::RequestBuilder {
        let request = self.http.request(method, url);
        match &self.api_key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    fn below(&self, path: &str) -> Url {
        service_kit::url::below(&self.base, path)
    }

    /// Asks for the list of models, to prove that the address answers. One that has no such list answers too.
    pub(crate) async fn probe(&self) -> Result<(), ModelError> {
        let request = self.request(Method::GET, self.below("models"));
        let answer = request.timeout(Duration::from_secs(5)).send().await;
        let answer = answer.map_err(|e| self.unreachable(e))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(()),
            _ => Err(self.refusal(answer).await?.error),
        }
    }

    /// How many tokens a model takes in all, where that is told or can be asked.
    pub(crate) async fn context(&self, model: &str) -> Option<u32> {
        match self.context_tokens {
            None => self.contexts.of(model, self).await,
            told => told,
        }
    }

    /// The same once `model` has begun to answer: some servers say it of a model that is loaded.
    pub(crate) async fn context_once_loaded(&self, model: &str) -> Option<u32> {
        match self.context_tokens {
            None => self.contexts.once_loaded(model, self).await,
            told => told,
        }
    }

    /// What the server itself says of it now, whatever it said before and whatever was told.
    pub(crate) async fn context_by_server(&self, model: &str) -> Option<u32> {
        self.contexts.anew(model, self).await
    }

    /// The longest answer that is asked for.
    pub(crate) fn max_tokens(&self) -> u32 {
        self.max_tokens
    }

    /// Asks for the answer to `messages`, of `most` tokens, which may be calls of `tools`, as part of
    /// a trace; it arrives in the returned [`AnswerStream`].
    pub(crate) async fn ask(
        &self,
        model: &str,
        messages: &[ChatMessage],
        tools: &[&ToolSpec],
        most: u32,
        traceparent: Option<String>,
    ) -> Result<AnswerStream, ModelError> {
        let began = Instant::now();
        let mut wordings = 0..WORDINGS;
        loop {
            let refused = self.memory.of(model);
            let specs = tools.iter().copied().map(message::Tool::of).collect();
            let request = Request::new(model, messages, specs).without(refused, most);
            let url = self.below(head::QUESTIONS);
            let mut sending = self.request(Method::POST, url).json(&request);
            if let Some(traceparent) = &traceparent {
                sending = sending.header(TRACEPARENT, traceparent);
            }
            let answer = self.address.patient(sending.send()).await?;
            let answer = answer.map_err(|e| self.unreachable(e))?;
            if answer.status().is_success() {
                if let Some(encoding) = encoded(&answer) {
                    return Err(self.address.error("ModelEncoded", encoding, false));
                }
                let bytes = answer.bytes_stream();
                let bytes = bytes.map(|b| b.map(|b| b.to_vec()).map_err(|e| e.to_string()));
                return Ok(AnswerStream::new(
                    self.address.clone(),
                    bytes.boxed(),
                    began,
                    most,
                ));
            }
            if let Some(moved) = moved(&answer) {
                return Err(self.address.error("ModelMoved", moved, false));
            }
            let refusal = self.refusal(answer).await?;
            if !tools.is_empty() && takes_no_tools(&refusal.body) {
                return Err(self.no_tools(model, tools.len(), &refusal.body));
            }
            match refused.learn(refusal.status, &refusal.body) {
                Some(learned) if wordings.next().is_some() => self.memory.keep(model, learned),
                _ => return Err(refusal.error),
            }
        }
    }

    async fn refusal(&self, answer: Response) -> Result<Refusal, ModelError> {
        let status = answer.status();
        let headers = answer.headers().clone();
        // The body only explains; without it the status has to do.
        let body = self.address.patient(bounded(answer)).await?;
        let told = ApiError::told(&body);
        let waits = retry_after::told(&headers, &body).is_some();
        // Who has used up what was paid for is told so with 429 too, however often it is asked. Who is to come back has not.
        let spent = status.as_u16() == 429 && told.status == Some(401) && !waits;
        let (kind, retryable) = told.kind(if spent { 401 } else { status.as_u16() });
        let why = format!("answered {status}: {}", excerpt(&body));
        let error = ModelError {
            retry_after: retry_after::wait(status.as_u16(), &headers, &body),
            ..self.address.error(kind, why, retryable)
        };
        Ok(Refusal {
            status: status.as_u16(),
            body,
            error,
        })
    }

    /// Whatever status it is told with: another attempt finds the same model.
    fn no_tools(&self, model: &str, tools: usize, body: &str) -> ModelError {
        let why = format!(
            "takes no tools, and the agent has {tools}: give it a model that does, or take its MCP \
             servers, skills and sub-agents away (docs/models.md); of {model} it said: {}",
            excerpt(body)
        );
        self.address.error("ModelWithoutTools", why, false)
    }

    fn unreachable(&self, error: reqwest::Error) -> ModelError {
        // reqwest's own text says what failed, its sources say why.
        let error = anyhow::Error::from(error.without_url());
        self.address.error(
            "ModelUnreachable",
            format!("cannot be reached: {error:#}"),
            true,
        )
    }
}

/// An answer that is none.
struct Refusal {
    status: u16,
    body: String,
    error: ModelError,
}

/// The start of a body that only explains.
async fn bounded(answer: Response) -> String {
    let mut body = Vec::new();
    let mut bytes = answer.bytes_stream();
    while let Some(Ok(piece)) = bytes.next().await {
        body.extend_from_slice(&piece);
        if body.len() > MOST_OF_A_REFUSAL {
            break;
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

impl context::Ask for Model {
    async fn ask(&self, path: &'static str, body: Option<Value>) -> Result<Value, bool> {
        let url = match (
            path.strip_prefix("v1/"),
            self.base.path().strip_suffix("/v1"),
        ) {
            (Some(path), _) => self.below(path),
            (None, Some(root)) => {
                let mut base = self.base.clone();
                base.set_path(root);
                service_kit::url::below(&base, path)
            }
            // No server that says it elsewhere.
            (None, None) => return Err(true),
        };
        let request = match body {
            None => self.request(Method::GET, url),
            Some(body) => self.request(Method::POST, url).json(&body),
        };
        let answer = request.send().await.map_err(|_| false)?;
        match answer.status().as_u16() {
            200..300 => context::json(answer).await.ok_or(true),
            // A proxy before a server that begins, or a moment in which it has no time for this.
            408 | 429 | 500 | 502..600 => Err(false),
            _ => Err(true),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
