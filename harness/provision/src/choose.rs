//! Which model a run talks to: an address that was given, else Ollama on this host, else the embedded one.

use crate::model::{Model, ModelChoice, ModelKind, client, get};
use crate::ollama;
use harness_base::{Code, Config, coded};
use std::time::Duration;

/// Chooses; asks Ollama only when no address was given. Whether a name that is not listed is there all the same,
/// [`Model::load`] finds out.
///
/// # Errors
/// Usage errors about the address or a name that is missing.
pub async fn model(config: &Config, choice: &ModelChoice) -> anyhow::Result<Model> {
    let wanted = choice.name.as_deref();
    if let Some(url) = &choice.url {
        return address(url, wanted).await;
    }
    let host = ollama::url(&std::env::var("OLLAMA_HOST").unwrap_or_default());
    let embedded = &config.model.embedded;
    let why = match ollama::model(&host, wanted).await {
        Ok(model) if model.unlisted.is_some() && model.name == *embedded => {
            format!("Ollama at {host} has no model {embedded}")
        }
        Ok(model) => return Ok(model),
        Err(why) => why,
    };
    let name = wanted.unwrap_or(embedded);
    Ok(Model {
        kind: ModelKind::Embedded,
        base_url: None,
        name: name.to_owned(),
        key: None,
        why: format!("no address was given and {why}"),
        tools: Some(true),
        unlisted: (name != embedded).then(|| vec![embedded.clone()]),
    })
}

async fn address(url: &str, wanted: Option<&str>) -> anyhow::Result<Model> {
    let base =
        base_url(url).map_err(|why| coded(Code::Usage, format!("--model-url {url}: {why}")))?;
    let key = ["STIGMER_LLM_API_KEY", "OPENAI_API_KEY"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .filter(|key| !key.is_empty());
    let listed = names(&base, key.as_deref()).await;
    let name = match (wanted, &listed) {
        (Some(name), _) => name.to_owned(),
        (None, Ok(names)) if !names.is_empty() => names[0].clone(),
        (None, listed) => {
            let why = match listed {
                Ok(_) => "the list is empty".into(),
                Err(why) => format!("{why:#}"),
            };
            let text =
                format!("which model at {base}? say --model-name (asked for its list: {why})");
            return Err(coded(Code::Usage, text));
        }
    };
    let names = listed.unwrap_or_default();
    Ok(Model {
        kind: ModelKind::Address,
        base_url: Some(base),
        why: "its address was given".into(),
        key,
        tools: None,
        unlisted: (!names.contains(&name)).then_some(names),
        name,
    })
}

/// The models that an address lists.
async fn names(base: &str, key: Option<&str>) -> anyhow::Result<Vec<String>> {
    let client = client(Duration::from_secs(5))?;
    let list = get(&client, &format!("{base}/models"), key).await?;
    let models = list["data"].as_array().into_iter().flatten();
    let names = models.filter_map(|model| model["id"].as_str());
    Ok(names.map(str::to_owned).collect())
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
