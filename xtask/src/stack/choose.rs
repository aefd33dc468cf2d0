//! `--runtime auto`: containers where nothing has to be prepared for them, else host processes.

use super::Runtime;
use super::compose::client::{Compose, engine_version};
use crate::config::Config;
use crate::e2e::Phases;
use crate::images;
use std::path::Path;

/// The runtime of a run. For `auto` it says which one and why.
pub async fn runtime(root: &Path, config: &Config, wish: Runtime, phases: Phases) -> Runtime {
    if wish != Runtime::Auto {
        return wish;
    }
    // Phase 1 is one server, on the host in each runtime.
    if !phases.two {
        return Runtime::Native;
    }
    let (runtime, why) = decide(root, config).await;
    eprintln!("runtime: {why}");
    runtime
}

/// What `auto` means on this machine for phase 2, and why.
pub async fn decide(root: &Path, config: &Config) -> (Runtime, String) {
    match why_not_docker(root, config).await {
        None => (
            Runtime::Docker,
            "docker, since it answers and has the images of these sources".into(),
        ),
        Some(why) => (Runtime::Native, format!("native, since {why}")),
    }
}

/// What stands against containers.
async fn why_not_docker(root: &Path, config: &Config) -> Option<String> {
    if which::which("docker").is_err() {
        return Some("there is no docker on PATH".into());
    }
    let first_line = |error: anyhow::Error| {
        let text = format!("{error:#}");
        text.lines().next().unwrap_or_default().to_owned()
    };
    let wanted = match images::wanted(root, config, None) {
        Ok(wanted) => images::for_tests(&wanted),
        Err(error) => return Some(first_line(error)),
    };
    // The client itself is what takes time, so all three are asked at once.
    let asked = tokio::join!(
        engine_version(),
        Compose::get(config),
        images::absent(&wanted)
    );
    match asked {
        (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => Some(first_line(error)),
        (_, _, Ok(absent)) if absent.is_empty() => None,
        (_, _, Ok(absent)) => {
            let names: Vec<_> = absent.iter().map(|image| image.part.name()).collect();
            Some(format!(
                "these sources have no image of {} yet (`cargo xtask images` builds them)",
                names.join(", ")
            ))
        }
    }
}
