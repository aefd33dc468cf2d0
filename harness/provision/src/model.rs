//! What a model is, and how its server is asked.

use crate::address;
use anyhow::{Context, bail, ensure};
use harness_base::{Code, coded, variable};
use reqwest::{RequestBuilder, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Where a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// An address that the user gave.
    Address,
    /// Ollama on this host.
    Ollama,
    /// llama.cpp, started by the run.
    Embedded,
    /// Of a stack that is somebody else's.
    External,
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Address => "address",
            Self::Ollama => "ollama",
            Self::Embedded => "embedded",
            Self::External => "external",
        })
    }
}

/// Files of the embedded model.
#[derive(Clone, Debug)]
pub struct ModelFiles {
    /// The interpreter.
    pub python: PathBuf,
    /// Folder of the Python package.
    pub library: PathBuf,
    /// The weights.
    pub weights: PathBuf,
}

/// The model of a run.
#[derive(Clone, Debug)]
pub struct Model {
    /// Where it is.
    pub kind: ModelKind,
    /// Ends in `/v1`; `None` until the embedded one has a port.
    pub base_url: Option<String>,
    /// What the runner asks for.
    pub name: String,
    /// Secret; `None` where the address wants none.
    pub key: Option<String>,
    /// Why this one, for people.
    pub why: String,
    /// Whether it takes tools; `None` where nobody says.
    pub tools: Option<bool>,
    /// Models that its server lists, where this one is not among them.
    pub unlisted: Option<Vec<String>>,
}

/// Where people say it, beside the flag.
const URL: &str = "E2E_MODEL_URL";
/// For a connection: what an answer may take is another matter.
const CONNECT: Duration = Duration::from_secs(5);
/// How many names an error shows.
const SHOWN: usize = 8;

impl Model {
    /// Has it loaded, so that nobody waits for that later: Ollama when asked for it, any other by its first token. One that
    /// cannot be asked from here (https, or no connection) is left to the gateway, which can.
    ///
    /// # Errors
    /// Its server's own words, or that there were none within the limit.
    pub async fn load(&self, limit: Duration) -> anyhow::Result<()> {
        let Some(base) = self.base_url.as_deref() else {
            ensure!(self.unlisted.is_none(), "the embedded model has one name");
            return Ok(());
        };
        let (url, body) = match self.kind {
            ModelKind::Ollama => (
                format!("{}/api/generate", base.trim_end_matches("/v1")),
                json!({"model": self.name, "stream": false}),
            ),
            ModelKind::Address if base.starts_with("http://") => (
                format!("{base}/chat/completions"),
                json!({"model": self.name, "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]}),
            ),
            _ => return Ok(()),
        };
        eprintln!("waiting for {} at {base} to load", self.name);
        let Err(error) = post(&client(limit)?, &url, self.key.as_deref(), &body).await else {
            return Ok(());
        };
        match error.downcast_ref::<reqwest::Error>() {
            Some(error) if error.is_connect() => Ok(()),
            Some(error) if error.is_timeout() => bail!(
                "nothing within {} s, which is `ready_seconds` of [services.model] in e2e.toml",
                limit.as_secs()
            ),
            _ => Err(error),
        }
    }

    /// That it is not there, and what is, for people: names that resemble its own first, the others as they were listed.
    pub fn not_there(&self, why: &str) -> String {
        let at = match &self.base_url {
            Some(base) => format!(" at {base}"),
            None => format!(" ({})", self.why),
        };
        let mut names = self.unlisted.clone().unwrap_or_default();
        if names.is_empty() {
            return format!("no model {}{at}: {why}", self.name);
        }
        let like = |name: &str| match strsim::jaro_winkler(&self.name, name) {
            like if like > 0.7 => like,
            _ => 0.0,
        };
        names.sort_by(|a, b| like(b).total_cmp(&like(a)));
        let more = match names.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        names.truncate(SHOWN);
        format!(
            "no model {}{at}; it has {}{more}",
            self.name,
            names.join(", ")
        )
    }
}

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct ModelChoice {
    /// `--model-url` or `E2E_MODEL_URL`: its base, which ends in `/v1`.
    pub url: Option<String>,
    /// The key of that address; `None` where it wants none.
    pub key: Option<String>,
    /// `--model-name` or `E2E_MODEL_NAME`.
    pub name: Option<String>,
}

impl ModelChoice {
    /// Flags win over the environment; empty is unset.
    ///
    /// # Errors
    /// Usage errors that name the flag or the variable.
    pub fn new(url: Option<String>, name: Option<String>) -> anyhow::Result<Self> {
        let set = |flag: Option<String>| flag.filter(|text| !text.is_empty());
        let url = match url {
            Some(url) => set(Some(url)).map(|url| address::model("--model-url", &url)),
            None => variable(URL)?.map(|url| address::model(URL, &url)),
        };
        let (url, key) = match url.transpose()? {
            Some(url) => (Some(url), key()?),
            None => (None, None),
        };
        let name = match name {
            Some(name) => set(Some(name)),
            None => variable("E2E_MODEL_NAME")?,
        };
        Ok(Self { url, key, name })
    }
}

/// The key of a model whose address was given.
fn key() -> anyhow::Result<Option<String>> {
    for name in ["STIGMER_LLM_API_KEY", "OPENAI_API_KEY"] {
        let Some(key) = variable(name)? else { continue };
        if key.contains(char::is_control) {
            let text = format!("{name} holds a line break or the like, which no key has");
            return Err(coded(Code::Usage, text));
        }
        return Ok(Some(key));
    }
    Ok(None)
}

/// A client for short questions; never through a proxy, since what it asks is near.
///
/// # Errors
/// When it cannot be made.
pub fn client(limit: Duration) -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(limit.min(CONNECT))
        .timeout(limit)
        .build()
        .context("make an HTTP client")
}

/// `GET url` with an optional bearer key, as JSON.
///
/// # Errors
/// No connection, no success (with the server's own words), or no JSON.
pub async fn get(client: &reqwest::Client, url: &str, key: Option<&str>) -> anyhow::Result<Value> {
    answer(client.get(url), key).await
}

/// The same by `POST` of a JSON body.
///
/// # Errors
/// As [`get`].
pub async fn post(
    client: &reqwest::Client,
    url: &str,
    key: Option<&str>,
    body: &Value,
) -> anyhow::Result<Value> {
    let request = client.post(url).header(CONTENT_TYPE, "application/json");
    answer(request.body(body.to_string()), key).await
}

async fn answer(mut request: RequestBuilder, key: Option<&str>) -> anyhow::Result<Value> {
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    let response = request.send().await?;
    let status = response.status();
    let mut text = response.text().await?;
    if let Some(key) = key {
        text = text.replace(key, "***"); // some tell whom they refuse
    }
    let json: Result<Value, _> = serde_json::from_str(&text);
    if !status.is_success() {
        bail!("{status}: {}", words(&json.unwrap_or_default(), &text));
    }
    json.context("not JSON")
}

/// What a server says of an error: OpenAI's shape, Ollama's own, or any.
fn words(json: &Value, text: &str) -> String {
    let error = &json["error"];
    let said = error["message"].as_str().or(error.as_str());
    said.unwrap_or(text).trim().chars().take(300).collect()
}
