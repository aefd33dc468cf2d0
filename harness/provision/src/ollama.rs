//! The models that Ollama has on this host.

use crate::model::{client, get};
use serde_json::Value;
use std::time::Duration;

/// The model to use at an Ollama address; the error is half a sentence.
pub async fn model(host: &str, wanted: Option<&str>) -> Result<String, String> {
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

/// `OLLAMA_HOST` as its own client reads it; a server that listens everywhere is asked on loopback.
pub fn url(host: &str) -> String {
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
        assert_eq!(url(""), "http://127.0.0.1:11434");
        assert_eq!(url("0.0.0.0"), "http://127.0.0.1:11434");
        assert_eq!(url("box:9"), "http://box:9");
        assert_eq!(url("https://box:9/"), "https://box:9");
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
