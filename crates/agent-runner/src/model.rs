//! Asking the model: any OpenAI-compatible address, its answer streamed.

mod answer_stream;
mod calls;
mod message;
mod retry_after;

use std::{fmt, time::Duration};

use anyhow::Context;
use eventsource_stream::Eventsource;
use futures::StreamExt;
use reqwest::{Client, ClientBuilder, Response, StatusCode, Url};
use serde::Serialize;
use service_kit::is_loopback;

use agent_tools::ToolSpec;
use answer_stream::AnswerStream;
pub(crate) use message::{ChatMessage, FunctionCall};

use crate::config::ModelArgs;

/// Why the model gave no answer.
#[derive(Debug)]
pub(crate) struct ModelError {
    /// What kind of trouble, as Temporal shows it.
    pub(crate) kind: &'static str,
    pub(crate) why: String,
    /// Whether the same question may be answered the next time.
    pub(crate) retryable: bool,
    /// When it says that it may be asked again.
    pub(crate) retry_after: Option<Duration>,
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

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
    api_key: Option<String>,
    silence: Duration,
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
        let (api_key, silence) = (args.api_key.clone(), args.timeout());
        Ok(Self {
            http,
            base,
            api_key,
            silence,
            max_tokens: args.max_tokens,
        })
    }

    /// The address without what may be secret in it.
    fn shown(&self) -> String {
        let mut url = self.base.clone();
        // These fail only for addresses that cannot have them.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.to_string()
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}/{path}",
            self.base.path().trim_end_matches('/')
        ));
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
        let answer = self.patient(sending.send()).await?;
        let answer = answer.map_err(|e| self.unreachable(e))?;
        let events = self.check(answer).await?.bytes_stream().eventsource();
        let events = events.map(|event| event.map(|e| e.data).map_err(|e| e.to_string()));
        Ok(AnswerStream::new(self.clone(), events.boxed()))
    }

    async fn check(&self, answer: Response) -> Result<Response, ModelError> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let wait = retry_after::wait(answer.headers());
        // The body only explains; without it the status has to do.
        let body = self.patient(answer.text()).await?.unwrap_or_default();
        let why = format!("answered {status}: {}", excerpt(&body));
        Err(match status {
            StatusCode::TOO_MANY_REQUESTS => ModelError {
                retry_after: wait,
                ..self.error("ModelRateLimited", why, true)
            },
            StatusCode::REQUEST_TIMEOUT => self.error("ModelServerError", why, true),
            _ if status.is_server_error() => self.error("ModelServerError", why, true),
            _ => self.error("ModelRefused", why, false),
        })
    }

    /// Waits for the model, as long as it may be silent.
    async fn patient<T>(&self, waiting: impl Future<Output = T>) -> Result<T, ModelError> {
        let waited = tokio::time::timeout(self.silence, waiting).await;
        let why = || format!("said nothing for {:?}", self.silence);
        waited.map_err(|_| self.error("ModelSilent", why(), true))
    }

    fn unreachable(&self, error: reqwest::Error) -> ModelError {
        // reqwest's own text says what failed, its sources say why.
        let error = anyhow::Error::from(error.without_url());
        self.error(
            "ModelUnreachable",
            format!("cannot be reached: {error:#}"),
            true,
        )
    }

    fn error(&self, kind: &'static str, why: impl fmt::Display, retryable: bool) -> ModelError {
        let why = format!("the model at {} {why}", self.shown());
        ModelError {
            kind,
            why,
            retryable,
            retry_after: None,
        }
    }
}

/// This machine's own addresses are never asked through a proxy, whatever the environment says.
fn direct(builder: ClientBuilder, base: &Url) -> ClientBuilder {
    match is_loopback(base.host_str().unwrap_or_default()) {
        true => builder.no_proxy(),
        false => builder,
    }
}

/// The start of a text that somebody else wrote, on one line.
fn excerpt(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = line.join(" ");
    match line.char_indices().nth(300) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
