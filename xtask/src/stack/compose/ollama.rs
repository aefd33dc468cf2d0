//! A model in a container of the stack: `compose.yaml`'s profile `ollama`, where the model's address names it.

use super::Containers;
use crate::config::Config;
use crate::engine::{self, ANSWER, docker};
use crate::exit::{Code, coded};
use crate::images;
use crate::model::Model;
use crate::process::{Command, attempt};
use crate::stack::native::Native;
use std::path::Path;
use std::time::Duration;

/// The service, its profile and its name on the network.
pub const SERVICE: &str = "ollama";
/// The variable of `compose.yaml`.
const IMAGE: &str = "E2E_IMAGE_OLLAMA";
/// It starts without a model: as long as the embedded one may take.
pub const READY: Duration = Duration::from_secs(60);
/// A model of some gigabytes on a common line.
const PULL: Duration = Duration::from_secs(1_800);

/// Whether a model's address means the stack's own Ollama.
pub fn is_meant(base_url: &str) -> bool {
    let rest = base_url.strip_prefix("http://").unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    authority.split(':').next() == Some(SERVICE)
}

/// Its image: `E2E_IMAGE_OLLAMA`, else `images.pinned.ollama`, which is pulled where it is not there.
///
/// # Errors
/// [`Code::Usage`] when none is named, [`Code::Image`] when it cannot be had.
pub async fn image(root: &Path, config: &Config) -> anyhow::Result<String> {
    if let Ok(name) = std::env::var(IMAGE)
        && !name.is_empty()
    {
        return Ok(name);
    }
    let Some(name) = &config.images.pinned.ollama else {
        return Err(coded(
            Code::Usage,
            "a model at http://ollama:11434 is a container of the stack, and no image is named for it\n  mend: images.pinned.ollama in e2e.toml, by digest",
        ));
    };
    images::third_party(root, name, "Ollama's image", config.offline).await?;
    Ok(name.clone())
}

/// What Compose is told to start it too.
pub fn told(command: Command, image: &str) -> Command {
    command.env("COMPOSE_PROFILES", SERVICE).env(IMAGE, image)
}

/// Its health check, inside.
pub fn health(name: &str) -> Command {
    docker(["exec", name, "/bin/ollama", "list"])
}

/// Fetches the model, unless the image brings it.
///
/// # Errors
/// [`Code::Missing`] when it cannot be had.
pub async fn fetch(
    stack: &Native,
    containers: &Containers,
    name: &str,
    model: &Model,
) -> anyhow::Result<()> {
    let has = docker(["exec", name, "/bin/ollama", "show", &model.name]);
    if engine::ask(has, ANSWER, Code::Missing).await.is_ok() {
        return Ok(());
    }
    let mend = "an image that brings its models, by images.pinned.ollama, and E2E_OLLAMA_MODELS for their folder in it";
    if stack.config.offline {
        return Err(coded(
            Code::Missing,
            format!(
                "Ollama's image has no {}, and --offline forbids to fetch it\n  mend: {mend}",
                model.name
            ),
        ));
    }
    eprintln!("fetching {} into {}", model.name, containers.project);
    let pull = stack
        .run
        .own(docker(["exec", name, "/bin/ollama", "pull", &model.name]));
    let log = stack.dir.join("logs/ollama-pull.log");
    attempt(&pull, &log, PULL).await.map_err(|why| {
        let text = format!("the model {} cannot be fetched: {why}\n  mend: is the name right (ollama.com/library)? Else {mend}", model.name);
        coded(Code::Missing, stack.run.redact(&text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_stacks_own() {
        assert!(is_meant("http://ollama:11434/v1") && is_meant("http://ollama/v1"));
        assert!(!is_meant("http://ollama.example.org/v1") && !is_meant("https://ollama:1/v1"));
        assert!(!is_meant("http://127.0.0.1:11434/v1"));
    }
}
