//! Who belongs to a stack of containers, and the image of each.

use super::inputs;
use crate::config::Config;
use std::path::Path;

/// Who has an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `stigmer-server`.
    Server,
    /// `agent-runner`.
    Runner,
    /// `model-gateway`.
    Gateway,
    /// The MCP server of the tests.
    Tools,
    /// The runner with that MCP server beside it, for agents that start it.
    RunnerE2e,
    /// Temporal's dev server.
    Temporal,
}

impl Part {
    /// All of them, those that others are built on first.
    pub const ALL: [Self; 6] = [
        Self::Server,
        Self::Runner,
        Self::Gateway,
        Self::Tools,
        Self::RunnerE2e,
        Self::Temporal,
    ];

    /// Its name in Compose and in image names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Runner => "runner",
            Self::Gateway => "gateway",
            Self::Tools => "tools",
            Self::RunnerE2e => "runner-e2e",
            Self::Temporal => "temporal",
        }
    }

    /// The binary that its image adds, at the root.
    pub fn binary(self) -> &'static str {
        match self {
            Self::Server => "stigmer-server",
            Self::Runner => "agent-runner",
            Self::Gateway => "model-gateway",
            Self::Tools | Self::RunnerE2e => "mcp-probe",
            Self::Temporal => "temporal",
        }
    }

    /// The variable that names its image, in `compose.yaml` and for users who bring their own.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Server => "E2E_IMAGE_SERVER",
            Self::Runner => "E2E_IMAGE_RUNNER",
            Self::Gateway => "E2E_IMAGE_GATEWAY",
            Self::Tools => "E2E_IMAGE_TOOLS",
            Self::RunnerE2e => "E2E_IMAGE_RUNNER_E2E",
            Self::Temporal => "E2E_IMAGE_TEMPORAL",
        }
    }

    /// Whether it holds a binary of this workspace.
    pub fn is_ours(self) -> bool {
        self != Self::Temporal
    }
}

/// An image by its reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Which part.
    pub part: Part,
    /// `stigmer-e2e/server:0123456789ab`, behind the registry's prefix where there is one.
    pub reference: String,
    /// Somebody else's, named by a variable: neither built nor looked into.
    pub foreign: bool,
    /// A registry may have it.
    pub remote: bool,
}

impl Image {
    /// What may follow the colon.
    pub fn tag(&self) -> &str {
        let last = self.reference.rsplit('/').next().unwrap_or_default();
        last.split_once(':').map_or("", |(_, tag)| tag)
    }
}

/// The images of the present sources, in the order of [`Part::ALL`].
///
/// # Errors
/// When a source cannot be read.
pub fn wanted(root: &Path, config: &Config, registry: Option<&str>) -> anyhow::Result<Vec<Image>> {
    let prefix = registry
        .unwrap_or(&config.images.registry)
        .trim_end_matches('/');
    let mut images: Vec<Image> = Vec::new();
    for part in Part::ALL {
        if let Ok(reference) = std::env::var(part.variable())
            && !reference.is_empty()
        {
            images.push(Image {
                part,
                reference,
                foreign: true,
                remote: false,
            });
            continue;
        }
        let runner = images.iter().find(|image| image.part == Part::Runner);
        let tag = inputs::tag(root, config, part, runner)?;
        let name = format!("stigmer-e2e/{}:{tag}", part.name());
        let reference = if prefix.is_empty() {
            name
        } else {
            format!("{prefix}/{name}")
        };
        images.push(Image {
            part,
            reference,
            foreign: false,
            remote: !prefix.is_empty(),
        });
    }
    Ok(images)
}

/// What a stack of tests runs: the runner is the one that has the tests' MCP server beside it.
pub fn for_tests(images: &[Image]) -> Vec<Image> {
    let with_tools = images.iter().find(|image| image.part == Part::RunnerE2e);
    images
        .iter()
        .filter(|image| image.part != Part::RunnerE2e)
        .map(|image| match with_tools {
            Some(other) if image.part == Part::Runner => Image {
                part: Part::Runner,
                ..other.clone()
            },
            _ => image.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_behind_a_port() {
        let image = |reference: &str| Image {
            part: Part::Runner,
            reference: reference.into(),
            foreign: false,
            remote: true,
        };
        assert_eq!(image("h:5000/p/stigmer-e2e/runner:abc").tag(), "abc");
        assert_eq!(image("h:5000/runner").tag(), "");
    }

    #[test]
    fn tests_run_the_runner_that_has_their_tools() {
        let images = Part::ALL.map(|part| Image {
            part,
            reference: format!("{}:1", part.name()),
            foreign: false,
            remote: false,
        });
        let used: Vec<_> = for_tests(&images)
            .iter()
            .map(|image| format!("{}={}", image.part.variable(), image.reference))
            .collect();
        assert_eq!(
            used.join(" "),
            "E2E_IMAGE_SERVER=server:1 E2E_IMAGE_RUNNER=runner-e2e:1 E2E_IMAGE_GATEWAY=gateway:1 E2E_IMAGE_TOOLS=tools:1 E2E_IMAGE_TEMPORAL=temporal:1"
        );
    }
}
