//! The models that Ollama has on this host, and the one of them that serves a run best.

use crate::model::{Model, ModelKind, client, get, post};
use reqwest::Client;
use serde_json::{Value, json};
use std::time::Duration;

/// On this host an answer takes a millisecond; a refused connection less.
const THERE: Duration = Duration::from_millis(500);
/// Once it is there, it may read files to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Names of models that embed, for those that do not say what they are.
const EMBEDS: [&str; 5] = ["embed", "minilm", "bge-", "gte-", "paraphrase"];

/// One that it has.
#[derive(Debug)]
struct Listed {
    name: String,
    bytes: u64,
    /// `None` where Ollama is too old to say.
    can: Option<Vec<String>>,
    /// Somebody else's machine answers, on the user's account.
    remote: bool,
}

impl Listed {
    fn chats(&self) -> bool {
        match &self.can {
            Some(can) => can.iter().any(|can| can == "completion"),
            None => !EMBEDS.iter().any(|word| self.name.contains(word)),
        }
    }

    fn tools(&self) -> Option<bool> {
        let can = self.can.as_ref()?;
        Some(can.iter().any(|can| can == "tools"))
    }

    /// Its first tokens are no answer, and tests leave it few.
    fn thinks(&self) -> bool {
        self.can.iter().flatten().any(|can| can == "thinking")
    }

    /// The best has the least: with tools, without thoughts, small, and the same one each time.
    fn rank(&self) -> (bool, bool, u64, &str) {
        (
            self.tools() != Some(true),
            self.thinks(),
            self.bytes,
            self.name.as_str(),
        )
    }
}

/// The model to use at an Ollama address; the error is half a sentence.
///
/// # Errors
/// Why there is none.
pub async fn model(host: &str, wanted: Option<&str>) -> Result<Model, String> {
    let silent = |_| format!("Ollama does not answer at {host}");
    let there = client(THERE).map_err(silent)?;
    get(&there, &format!("{host}/api/version"), None)
        .await
        .map_err(silent)?;
    let client = client(ANSWER).map_err(silent)?;
    let listed = list(&client, host).await.map_err(silent)?;
    choose(host, listed, wanted)
}

async fn list(client: &Client, host: &str) -> anyhow::Result<Vec<Listed>> {
    let tags = get(client, &format!("{host}/api/tags"), None).await?;
    let mut listed = Vec::new();
    for tag in tags["models"].as_array().into_iter().flatten() {
        let Some(name) = tag["name"].as_str() else {
            continue;
        };
        let can = match capabilities(tag) {
            None => {
                // Older versions list no capabilities; those that are older still have none.
                let (url, body) = (format!("{host}/api/show"), json!({ "model": name }));
                let shown = post(client, &url, None, &body).await;
                shown.ok().as_ref().and_then(capabilities)
            }
            can => can,
        };
        listed.push(Listed {
            name: name.to_owned(),
            bytes: tag["size"].as_u64().unwrap_or(u64::MAX),
            can,
            remote: tag["remote_host"].is_string(),
        });
    }
    Ok(listed)
}

fn capabilities(of: &Value) -> Option<Vec<String>> {
    let words = of["capabilities"].as_array()?.iter();
    let words: Vec<String> = words
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect();
    (!words.is_empty()).then_some(words)
}

fn choose(host: &str, mut listed: Vec<Listed>, wanted: Option<&str>) -> Result<Model, String> {
    let model = |name: &str, tools, why: &str| Model {
        kind: ModelKind::Ollama,
        base_url: Some(format!("{host}/v1")),
        name: name.to_owned(),
        key: None,
        why: format!("Ollama answers at {host}{why}"),
        tools,
        unlisted: None,
    };
    if let Some(wanted) = wanted {
        let same = |name: &str| name == wanted || name.strip_suffix(":latest") == Some(wanted);
        return Ok(match listed.iter().find(|one| same(&one.name)) {
            Some(one) => model(&one.name, one.tools(), " and has it"),
            None => Model {
                unlisted: Some(listed.into_iter().map(|one| one.name).collect()),
                ..model(wanted, None, " and does not list it")
            },
        });
    }
    listed.retain(|one| one.chats() && !one.remote);
    let best = listed.iter().min_by_key(|one| one.rank());
    let best = best.ok_or_else(|| format!("Ollama at {host} has no model that chats"))?;
    let class = |one: &Listed| (one.tools() == Some(true), one.thinks());
    let alike = listed
        .iter()
        .filter(|one| class(one) == class(best))
        .count();
    let aside = match listed.iter().any(Listed::thinks) && !best.thinks() {
        true => ", those that think first aside",
        false => "",
    };
    let which = match best.tools() {
        Some(true) => "take tools",
        Some(false) => "chat, none of which takes tools",
        None => "chat by their names, it does not say which takes tools",
    };
    let why = format!("; the smallest of {alike} that {which}{aside}");
    Ok(model(&best.name, best.tools(), &why))
}

/// `OLLAMA_HOST` as its own client reads it: blanks and quotes around it are taken off, the port is that of its scheme or
/// 11434, and one that is none counts as not given. A server that listens everywhere is asked on loopback.
///
/// # Errors
/// Half a sentence for a user or a password, which Ollama itself takes none of and people must not be shown.
pub fn url(host: &str) -> Result<String, String> {
    let host = host.trim().trim_matches(['"', '\'']);
    if host.contains('@') {
        return Err("OLLAMA_HOST has a user in it, which Ollama does not take".into());
    }
    let (scheme, rest, usual): (_, _, u16) = match host.split_once("://") {
        Some(("http", rest)) => ("http", rest, 80),
        Some(("https", rest)) => ("https", rest, 443),
        Some((scheme, rest)) => (scheme, rest, 11434),
        None => ("http", host, 11434),
    };
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (name, port) = match place.rsplit_once(':') {
        // Of an address without brackets all colons are its own.
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
            (name, port.parse().unwrap_or(usual))
        }
        _ => (place, usual),
    };
    let name = match name.trim_matches(['[', ']']) {
        "" | "0.0.0.0" | "::" => "127.0.0.1".to_owned(),
        name if name.contains(':') => format!("[{name}]"),
        name => name.to_owned(),
    };
    let url = format!("{scheme}://{name}:{port}/{path}");
    Ok(url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (host, read) in [
            ("", "http://127.0.0.1:11434"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("0.0.0.0:9", "http://127.0.0.1:9"),
            (":9", "http://127.0.0.1:9"),
            ("box", "http://box:11434"),
            ("box/", "http://box:11434"),
            ("box:9", "http://box:9"),
            ("box:none", "http://box:11434"),
            ("box:99999", "http://box:11434"),
            (" \"box:9\" ", "http://box:9"),
            ("http://box", "http://box:80"),
            ("https://box/", "https://box:443"),
            ("https://box:9/", "https://box:9"),
            ("http://box/ollama/", "http://box:80/ollama"),
            ("::1", "http://[::1]:11434"),
            ("[::1]", "http://[::1]:11434"),
            ("[::1]:9", "http://[::1]:9"),
            ("http://[::]:9", "http://127.0.0.1:9"),
        ] {
            assert_eq!(url(host).unwrap(), read, "{host}");
        }
        let why = url("http://bob:hunter2@box").unwrap_err();
        assert!(!why.contains("hunter2"), "{why}");
    }
}
