//! Which model a run talks to: an address that was given, else Ollama on this host, else the embedded one.

use crate::model::{Model, ModelChoice, ModelKind, client, get};
use crate::ollama;
use harness_base::{Code, Config, coded, variable};
use std::time::Duration;

/// Chooses; asks Ollama only when no address was given. Whether a name that is not listed is there all the same,
/// [`Model::load`] finds out.
///
/// # Errors
/// Usage errors about the address or a name that is missing.
pub async fn model(config: &Config, choice: &ModelChoice) -> anyhow::Result<Model> {
    let wanted = choice.name.as_deref();
    if let Some(url) = &choice.url {
        return address(url, choice.key.clone(), wanted).await;
    }
    let host = variable("OLLAMA_HOST")?.unwrap_or_default();
    let embedded = &config.model.embedded;
    let host = ollama::url(&host);
    let asked = match &host {
        Ok(host) => ollama::model(host, wanted).await,
        Err(why) => Err(why.clone()),
    };
    let why = match asked {
        Ok(model) if model.unlisted.is_some() && model.name == *embedded => {
            format!("Ollama has no model {embedded}")
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

async fn address(base: &str, key: Option<String>, wanted: Option<&str>) -> anyhow::Result<Model> {
    let listed = names(base, key.as_deref()).await;
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
        base_url: Some(base.to_owned()),
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
