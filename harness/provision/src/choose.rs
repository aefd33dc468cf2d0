//! Which model a run talks to: an address that was given, else Ollama on this host, else the embedded one.

use crate::model::{Model, ModelChoice, ModelKind, client, get};
use crate::ollama;
use anyhow::Context;
use harness_base::{Code, Config, coded};
use std::time::Duration;

/// Chooses; asks Ollama only when no address was given.
///
/// # Errors
/// Usage errors about the address or a name that is missing.
pub async fn model(config: &Config, choice: &ModelChoice) -> anyhow::Result<Model> {
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
    let host = ollama::url(&std::env::var("OLLAMA_HOST").unwrap_or_default());
    let why = match ollama::model(&host, choice.name.as_deref()).await {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(base_url("http://h:1/").unwrap(), "http://h:1/v1");
        assert_eq!(base_url("https://h/v1/").unwrap(), "https://h/v1");
        assert!(base_url("h:1").is_err());
    }
}
