//! What tests tell the model gateway and ask it (`docs/gateway.md`).

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

/// The longest that one question may take: the gateway itself lets nobody wait for more than 60 s.
const LIMIT: Duration = Duration::from_secs(65);

/// A client of the gateway's own interface.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    http: Client,
    base: String,
}

impl Admin {
    /// Of the gateway whose models are at `base_url`.
    pub(crate) fn at(base_url: &str) -> Result<Self> {
        // reqwest asks for one even where it speaks no TLS; another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = Client::builder().no_proxy().timeout(LIMIT);
        if base_url.starts_with("http:") {
            // To read the machine's authorities takes longer than most tests' questions together.
            http = http.tls_certs_only([]);
        }
        let http = http.build()?;
        let base = base_url.trim_end_matches('/').trim_end_matches("/v1");
        Ok(Self {
            http,
            base: base.to_owned(),
        })
    }

    /// Asks; the status and the text of the answer.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, String)> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(body);
        }
        let asked = async {
            let answer = request.send().await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.text().await?))
        };
        let what = || format!("the gateway at {}", self.base);
        asked.await.with_context(what)
    }

    /// Asks for something that has to succeed; the text of the answer.
    pub(crate) async fn text(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<String> {
        let (status, text) = self.ask(method.clone(), path, body).await?;
        if status.is_success() {
            return Ok(text);
        }
        let error: Value = serde_json::from_str(&text).unwrap_or_default();
        let why = error["error"]["message"].as_str().unwrap_or(&text);
        bail!("the gateway answered {method} {path} with {status}: {why}")
    }

    /// Asks for something that has to succeed; the JSON of the answer.
    pub(crate) async fn json(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let text = self.text(method, path, body).await?;
        serde_json::from_str(&text).with_context(|| format!("{path} is no JSON: {text}"))
    }
}
