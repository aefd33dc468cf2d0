//! Which images the present sources have.

use super::component::{Component, Image};
use super::tag;
use harness_base::{Code, Config, Part, coded, variable};
use std::path::Path;

/// The images of the present sources, in the order of [`Component::ALL`].
///
/// # Errors
/// When a source cannot be read; a usage error for a variable that is no text.
pub fn wanted(root: &Path, config: &Config, registry: Option<&str>) -> anyhow::Result<Vec<Image>> {
    let prefix = registry
        .unwrap_or(&config.images.registry)
        .trim_end_matches('/');
    let mut images: Vec<Image> = Vec::new();
    for component in Component::ALL {
        if let Some(reference) = variable(component.variable())? {
            images.push(Image {
                component,
                reference,
                foreign: true,
                remote: false,
            });
            continue;
        }
        let runner = images
            .iter()
            .find(|image| image.component == Component::Runner);
        let tag = tag::tag(root, config, component, runner)?;
        let name = format!("stigmer-e2e/{}:{tag}", component.name());
        let reference = if prefix.is_empty() {
            name
        } else {
            format!("{prefix}/{name}")
        };
        images.push(Image {
            component,
            reference,
            foreign: false,
            remote: !prefix.is_empty(),
        });
    }
    Ok(images)
}

/// The same with those of parts of somebody else's build, which are neither built nor looked into.
///
/// # Errors
/// A usage error with the line of a part that has none.
pub fn with_guests(config: &Config, images: Vec<Image>) -> anyhow::Result<Vec<Image>> {
    let mut images = images;
    for (part, guest) in config.parts.guests() {
        let Some((reference, _)) = guest.image() else {
            let place = guest.place();
            let text = format!(
                "{place}: the {part} has no image: say image = NAME, or take --runtime native"
            );
            return Err(coded(Code::Usage, text));
        };
        let is_its = |component| match part {
            Part::Server => component == Component::Server,
            Part::Runner => matches!(component, Component::Runner | Component::RunnerE2e),
            Part::Gateway => component == Component::Gateway,
        };
        for image in images.iter_mut().filter(|image| is_its(image.component)) {
            (image.foreign, image.remote) = (true, false);
            reference.clone_into(&mut image.reference);
        }
    }
    Ok(images)
}

/// What a stack of tests runs: the runner is the one that has the tests' MCP server beside it.
pub fn for_tests(images: &[Image]) -> Vec<Image> {
    let with_tools = images
        .iter()
        .find(|image| image.component == Component::RunnerE2e);
    images
        .iter()
        .filter(|image| image.component != Component::RunnerE2e)
        .map(|image| match with_tools {
            Some(other) if image.component == Component::Runner => Image {
                component: Component::Runner,
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
            component: Component::Runner,
            reference: reference.into(),
            foreign: false,
            remote: true,
        };
        assert_eq!(image("h:5000/p/stigmer-e2e/runner:abc").tag(), "abc");
        assert_eq!(image("h:5000/runner").tag(), "");
    }

    #[test]
    fn tests_run_the_runner_that_has_their_tools() {
        let images = Component::ALL.map(|component| Image {
            component,
            reference: format!("{}:1", component.name()),
            foreign: false,
            remote: false,
        });
        let used: Vec<_> = for_tests(&images)
            .iter()
            .map(|image| format!("{}={}", image.component.variable(), image.reference))
            .collect();
        assert_eq!(
            used.join(" "),
            "E2E_IMAGE_SERVER=server:1 E2E_IMAGE_RUNNER=runner-e2e:1 E2E_IMAGE_GATEWAY=gateway:1 E2E_IMAGE_MCP=mcp:1 E2E_IMAGE_TEMPORAL=temporal:1"
        );
    }
}
