//! `--runtime`: what `auto` means on this machine.

use harness_base::{Code, Config, Interrupt, coded, docker};
use harness_provision::images;
use harness_stack::Runtime;
use harness_stack::compose::client::{Compose, engine_version};
use std::path::Path;

/// Where the services run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RuntimeChoice {
    /// Phase 2 in containers where Docker has the images of these sources already, else host processes; says why
    Auto,
    /// Host processes in their own process groups
    Native,
    /// Phase 2 in containers by Docker Compose; images that are missing are built first
    Docker,
}

impl RuntimeChoice {
    /// For a stack that follows edits: a program for the host is there in seconds, an image in minutes.
    pub fn for_edits(self) -> Self {
        match self {
            Self::Auto => Self::Native,
            asked => asked,
        }
    }

    /// The runtime of phase 2. For `auto` it says which one and why.
    ///
    /// # Errors
    /// [`Code::Interrupted`]: an engine that does not answer is waited for.
    pub async fn choose(
        self,
        root: &Path,
        config: &Config,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Runtime> {
        let (runtime, why) = match self {
            Self::Native => return Ok(Runtime::Native),
            Self::Docker => return Ok(Runtime::Docker),
            Self::Auto => tokio::select! {
                decided = decide(root, config) => decided,
                () = interrupt.reached(1) => return Err(coded(Code::Interrupted, "interrupted")),
            },
        };
        eprintln!("runtime: {why}");
        Ok(runtime)
    }
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
    let wanted = images::wanted(root, config, None);
    let wanted = match wanted.and_then(|wanted| images::with_guests(config, wanted)) {
        Ok(wanted) => images::for_tests(&wanted),
        Err(error) => return Some(first_line(error)),
    };
    if let Some(host) = docker::elsewhere().await {
        return Some(format!("the Docker engine is another machine's ({host})"));
    }
    // The client itself is what takes time, so all three are asked at once.
    let asked = tokio::join!(
        engine_version(),
        Compose::can_be_had(config),
        images::absent(&wanted)
    );
    match asked {
        (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => Some(first_line(error)),
        (_, _, Ok(absent)) if absent.is_empty() => None,
        (_, _, Ok(absent)) => {
            let names: Vec<_> = absent.iter().map(|image| image.component.name()).collect();
            Some(format!(
                "these sources have no image of {} yet (`cargo xtask images` builds them)",
                names.join(", ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RuntimeChoice::{Auto, Docker, Native};

    #[test]
    fn edits_are_followed_on_the_host_unless_somebody_says_else() {
        let choices = [Auto, Native, Docker].map(super::RuntimeChoice::for_edits);
        assert_eq!(choices, [Native, Native, Docker]);
    }
}
