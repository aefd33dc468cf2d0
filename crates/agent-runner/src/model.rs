//! Asking the model: any OpenAI-compatible address, its answer streamed.

mod address;
mod answer_stream;
mod calls;
pub(crate) mod error;
mod message;
mod retry_after;

use std::time::Duration;

use anyhow::Context;
use eventsource_stream::Eventsource;
use futures::StreamExt;
use reqwest::{Client, ClientBuilder, Response, StatusCode, Url};
use serde::Serialize;
use service_kit::is_loopback;

use address::Address;
use agent_tools::ToolSpec;
use answer_stream::AnswerStream;
use error::{ModelError, excerpt};
pub(crate) use message::{ChatMessage, FunctionCall};

use crate::config::ModelArgs;

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: &'a [ChatMessage],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<message::Tool<'a>>,
    max_tokens: u32,
    stream: bool,
}

/// A client of one address; cheap to clone.
#[derive(Clone)]
pub(crate) struct Model {
    http: Client,
    base: Url,
    address: Address,
    api_key: Option<String>,
    max_tokens: u32,
}

impl Model {
    pub(crate) fn new(args: &ModelArgs) -> anyhow::Result<Self> {
        let wrong = "STIGMER_LLM_BASE_URL is no URL: it takes http://HOST:PORT/v1";
        let base = Url::parse(args.base_url.trim_end_matches('/')).context(wrong)?;
        anyhow::ensure!(matches!(base.scheme(), "http" | "https"), wrong);
        let builder = Client::builder().connect_timeout(Duration::from_secs(3));
        let http = direct(builder, &base)
            .build()
            .context("cannot make a HTTP client")?;
        let address = Address::new(&base, args.timeout());
        Ok(Self {
            http,
            base,
            address,
            api_key: args.api_key.clone(),
            max_tokens: args.max_tokens,
        })
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let url = service_kit::url::below(&self.base, path);
        let request = self.http.request(method, url);
        match &self.api_key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Asks for the list of models, to prove that the address answers.
    pub(crate) async fn probe(&self) -> Result<(), ModelError> {
        let request = self.request(reqwest::Method::GET, "models");
        let answer = request.timeout(Duration::from_secs(5)).send().await;
        let answer = answer.map_err(|e| self.unreachable(e))?;
        self.check(answer).await.map(drop)
    }

    /// Asks for the answer to `messages`, which may be calls of `tools`; it arrives in the returned [`AnswerStream`].
    pub(crate) async fn ask(
        &self,
        model: &str,
        messages: &[ChatMessage],
        tools: &[&ToolSpec],
    ) -> Result<AnswerStream, ModelError> {
        let request = Request {
            model,
            messages,
            tools: tools.iter().copied().map(message::Tool::of).collect(),
            max_tokens: self.max_tokens,
            stream: true,
        };
        let sending = self
            .request(reqwest::Method::POST, "chat/completions")
            .json(&request);
        let answer = self.address.patient(sending.send()).await?;
        let answer = answer.map_err(|e| self.unreachable(e))?;
        let events = self.check(answer).await?.bytes_stream().eventsource();
        let events = events.map(|event| event.map(|e| e.data).map_err(|e| e.to_string()));
        Ok(AnswerStream::new(self.address.clone(), events.boxed()))
    }

    async fn check(&self, answer: Response) -> Result<Response, ModelError> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let wait = retry_after::wait(answer.headers());
        // The body only explains; without it the status has to do.
        let body = self
            .address
            .patient(answer.text())
            .await?
            .unwrap_or_default();
        let why = format!("answered {status}: {}", excerpt(&body));
        Err(match status {
            StatusCode::TOO_MANY_REQUESTS => ModelError {
                retry_after: wait,
                ..self.address.error("ModelRateLimited", why, true)
            },
            StatusCode::REQUEST_TIMEOUT => self.address.error("ModelServerError", why, true),
            _ if status.is_server_error() => self.address.error("ModelServerError", why, true),
            _ => self.address.error("ModelRefused", why, false),
        })
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

/// This machine's own addresses are never asked through a proxy, whatever the environment says.
fn direct(builder: ClientBuilder, base: &Url) -> ClientBuilder {
    match is_loopback(base.host_str().unwrap_or_default()) {
        true => builder.no_proxy(),
        false => builder,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
