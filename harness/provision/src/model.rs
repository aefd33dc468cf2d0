//! Which model a run talks to: an address that was given, else Ollama on this host, else the embedded one.

use anyhow::Context;
use harness_base::{Code, Config, coded};
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

/// Chooses; asks Ollama only when no address was given.
///
/// # Errors
/// Usage errors about the address or a name that is missing.
pub async fn choose(config: &Config, choice: &ModelChoice) -> anyhow::Result<Model> {
    if let Some(url) = &choice.url {
        let base =
            base_url(url).map_err(|why| coded(Code::Usage, format!("--model-url {url}: {why}")))?;
        let key = ["STIGMER_LLM_API_KEY", "OPENAI_API_KEY"]
            .iter()
            .find_map(|name| std::env::var(name).ok())
            .filter(|key| !key.is_empty());
        let name = match &choice.name {
            Some(name) => name.clone(),
            None => first_model(&base, key.as_deref()).await.map_err(|why| {
                coded(
                    Code::Usage,
                    format!(
                        "which model at {base}? say --model-name (asked for its list: {why:#})"
                    ),
                )
            })?,
        };
        return Ok(Model {
            kind: ModelKind::Address,
            base_url: Some(base),
            name,
            key,
            why: "its address was given".into(),
        });
    }
    let host = ollama_url(&std::env::var("OLLAMA_HOST").unwrap_or_default());
    let why = match ollama(&host, choice.name.as_deref()).await {
        Ok(name) => {
            let why = format!("Ollama answers at {host}");
            return Ok(Model {
                kind: ModelKind::Ollama,
                base_url: Some(format!("{host}/v1")),
                name,
                key: None,
                why,
            });
        }
        Err(why) => why,
    };
    let name = choice
        .name
        .clone()
        .unwrap_or_else(|| config.model.embedded.clone());
    Ok(Model {
        kind: ModelKind::Embedded,
        base_url: None,
        name,
        key: None,
        why: format!("no address was given and {why}"),
    })
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

async fn first_model(base: &str, key: Option<&str>) -> anyhow::Result<String> {
    let list = get(
        &client(Duration::from_secs(5))?,
        &format!("{base}/models"),
        key,
    )
    .await?;
    list["data"][0]["id"]
        .as_str()
        .map(str::to_owned)
        .context("the list is empty")
}

/// The model to use at an Ollama address; the error is half a sentence.
async fn ollama(host: &str, wanted: Option<&str>) -> Result<String, String> {
    // On this host an answer takes a millisecond; a refused connection less.
    let client = client(Duration::from_millis(500)).map_err(|error| error.to_string())?;
    let silent = |_| format!("Ollama does not answer at {host}");
    get(&client, &format!("{host}/api/version"), None)
        .await
        .map_err(silent)?;
    let tags = get(&client, &format!("{host}/api/tags"), None)
        .await
        .map_err(silent)?;
    pick(&tags, wanted).ok_or_else(|| match wanted {
        Some(name) => format!("Ollama at {host} has no model {name}"),
        None => format!("Ollama at {host} has no model"),
    })
}

fn pick(tags: &Value, wanted: Option<&str>) -> Option<String> {
    let names: Vec<&str> = tags["models"]
        .as_array()?
        .iter()
        .filter_map(|model| model["name"].as_str())
        .collect();
    let same = |name: &&&str, wanted: &str| {
        **name == wanted || name.strip_suffix(":latest") == Some(wanted)
    };
    match wanted {
        Some(wanted) => names
            .iter()
            .find(|name| same(name, wanted))
            .map(|name| (*name).to_owned()),
        None => names.first().map(|name| (*name).to_owned()),
    }
}

fn base_url(url: &str) -> Result<String, &'static str> {
    let trimmed = url.trim_end_matches('/');
    if !(trimmed.starts_with("http://") || trimmed.starts_with("https://")) {
        return Err("an address starts with http:// or https://");
    }
    Ok(if trimmed.ends_with("/v1") {
        trimmed.to_owned()
    } else {
        format!("{trimmed}/v1")
    })
}

/// `OLLAMA_HOST` as its own client reads it; a server that listens everywhere is asked on loopback.
fn ollama_url(host: &str) -> String {
    let (scheme, rest) = host.split_once("://").unwrap_or(("http", host));
    let (name, port) = rest
        .trim_end_matches('/')
        .rsplit_once(':')
        .unwrap_or((rest.trim_end_matches('/'), "11434"));
    let name = if name.is_empty() || name == "0.0.0.0" {
        "127.0.0.1"
    } else {
        name
    };
    format!("{scheme}://{name}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(base_url("http://h:1/").unwrap(), "http://h:1/v1");
        assert_eq!(base_url("https://h/v1/").unwrap(), "https://h/v1");
        assert!(base_url("h:1").is_err());
        assert_eq!(ollama_url(""), "http://127.0.0.1:11434");
        assert_eq!(ollama_url("0.0.0.0"), "http://127.0.0.1:11434");
        assert_eq!(ollama_url("box:9"), "http://box:9");
        assert_eq!(ollama_url("https://box:9/"), "https://box:9");
    }

    #[test]
    fn models() {
        let tags = serde_json::json!({"models": [{"name": "a:latest"}, {"name": "b:1"}]});
        assert_eq!(pick(&tags, None).as_deref(), Some("a:latest"));
        assert_eq!(pick(&tags, Some("a")).as_deref(), Some("a:latest"));
        assert_eq!(pick(&tags, Some("b")), None);
        assert_eq!(pick(&serde_json::json!({"models": []}), None), None);
    }
}
