//! What a model is, and how its server is asked.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
}

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct ModelChoice {
    /// `--model-url` or `E2E_MODEL_URL`.
    pub url: Option<String>,
    /// `--model-name` or `E2E_MODEL_NAME`.
    pub name: Option<String>,
}

impl ModelChoice {
    /// Flags win over the environment; empty is unset.
    pub fn new(url: Option<String>, name: Option<String>) -> Self {
        let or_env = |flag: Option<String>, var: &str| {
            flag.or_else(|| std::env::var(var).ok())
                .filter(|text| !text.is_empty())
        };
        Self {
            url: or_env(url, "E2E_MODEL_URL"),
            name: or_env(name, "E2E_MODEL_NAME"),
        }
    }
}

/// A client for short questions; never through a proxy, since what it asks is near.
///
/// # Errors
/// When it cannot be made.
pub fn client(limit: Duration) -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(limit)
        .build()
        .context("make an HTTP client")
}

/// `GET url` with an optional bearer key, as JSON.
///
/// # Errors
/// No connection, another status than 200, or no JSON.
pub async fn get(client: &reqwest::Client, url: &str, key: Option<&str>) -> anyhow::Result<Value> {
    let mut request = client.get(url);
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    let response = request.send().await?.error_for_status()?;
    serde_json::from_str(&response.text().await?).context("not JSON")
}
