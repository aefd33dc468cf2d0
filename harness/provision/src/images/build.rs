//! Building: one cargo build for all binaries, then one small context for each image that is missing.

use super::binaries::{self, third_party};
use super::build_context::{Folder, frame};
use super::component::{Component, Image};
use super::layer;
use super::layout::folder;
use super::present::{absent, say};
use super::{registry, tag};
use crate::tools::{install, installed};
use anyhow::Context;
use harness_base::docker::labels::IMAGE;
use harness_base::docker::{self, docker};
use harness_base::{Code, Command, Config, coded, run_to_end};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Sending 150 MB to an engine on a busy disk takes seconds; beyond this somebody should look.
const BUILD: Duration = Duration::from_secs(300);
/// What the binary of an image may take, in bytes.
const LARGEST: u64 = 25_000_000;

/// Fetches the images that are missing from the registry, where there is one, and builds the others. Those that are
/// there cost one question.
///
/// # Errors
/// [`Code::Image`] with what failed, [`Code::Missing`] when Docker does not answer.
pub async fn all(
    root: &Path,
    config: &Config,
    images: &[Image],
    in_container: bool,
) -> anyhow::Result<()> {
    let missing = compile(root, config, images, in_container).await?;
    make(root, config, images, missing, in_container).await
}

/// The first half of [`all`]: what is missing is compiled, or fetched. Those that are still to be made.
///
/// # Errors
/// As [`all`].
pub async fn compile(
    root: &Path,
    config: &Config,
    images: &[Image],
    in_container: bool,
) -> anyhow::Result<Vec<Image>> {
    let mut missing = absent(images).await?;
    for image in images.iter().filter(|image| !missing.contains(image)) {
        say(image, "is there", "");
    }
    if !config.offline {
        missing = registry::take(root, missing).await?;
    }
    let ours: Vec<&Image> = missing
        .iter()
        .filter(|image| image.component.is_ours())
        .collect();
    if !ours.is_empty() {
        binaries::build(root, config, in_container).await?;
        for image in &ours {
            let tag = tag::tag(root, config, image.component, runner(images))?;
            if image.tag() != tag {
                let component = image.component.name();
                return Err(coded(
                    Code::Image,
                    format!("the sources of {component} changed while it was built: build again"),
                ));
            }
        }
    }
    Ok(missing)
}

fn runner(images: &[Image]) -> Option<&Image> {
    let mut images = images.iter();
    images.find(|image| image.component == Component::Runner)
}

/// The second half: makes images of what was compiled.
///
/// # Errors
/// As [`all`].
pub async fn make(
    root: &Path,
    config: &Config,
    images: &[Image],
    missing: Vec<Image>,
    in_container: bool,
) -> anyhow::Result<()> {
    let binaries = binaries::folder(root, in_container);
    let (runners, others): (Vec<_>, Vec<_>) = missing
        .into_iter()
        .partition(|image| matches!(image.component, Component::Runner | Component::RunnerE2e));
    let alone = others.into_iter().map(|image| vec![image]);
    let rows = alone.chain([runners]);
    side_by_side(root, config, rows, runner(images), &binaries).await
}

/// Builds rows of images, each of which may stand on the one before in its row: the builder spends most of its time on the
/// disk. All rows come to their end, and the first failure among them is told.
async fn side_by_side(
    root: &Path,
    config: &Config,
    rows: impl Iterator<Item = Vec<Image>>,
    runner: Option<&Image>,
    binaries: &Path,
) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for (nth, row) in rows.enumerate() {
        let (root, config, runner) = (root.to_owned(), config.clone(), runner.cloned());
        let binaries = binaries.to_owned();
        tasks.spawn(async move {
            for image in row {
                let built = one(&root, &config, &image, runner.as_ref(), &binaries).await;
                built.map_err(|error| (nth, error))?;
            }
            Ok(())
        });
    }
    let failed = tasks.join_all().await.into_iter().filter_map(Result::err);
    let first = failed.min_by_key(|(nth, _)| *nth);
    first.map_or(Ok(()), |(_, error)| Err(error))
}

/// `docker build` of a context. Our Dockerfiles label what they make, but for what is built on somebody else's image.
fn command(image: &Image, args: &[(&str, &str)], unlabelled: bool, context: &Path) -> Command {
    let mut command = docker(["build", "--force-rm", "--tag", &image.reference])
        // Of BuildKit, where that is the builder: lines for a log.
        .env("BUILDKIT_PROGRESS", "plain");
    for (name, value) in args {
        command = command.args(["--build-arg".to_owned(), format!("{name}={value}")]);
    }
    if unlabelled {
        command = command.args([
            "--label".to_owned(),
            format!("{IMAGE}={}", image.component.name()),
        ]);
    }
    command.args([context.to_string_lossy()])
}

/// Where a build's words are kept.
fn log(root: &Path, component: Component) -> PathBuf {
    folder(root).join(format!("{}.log", component.name()))
}

async fn one(
    root: &Path,
    config: &Config,
    image: &Image,
    runner: Option<&Image>,
    binaries: &Path,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let component = image.component;
    let pinned = config.images.pinned.temporal.as_deref();
    let (binary, from) = match (component, pinned) {
        (Component::Temporal, Some(name)) => {
            third_party(root, name, "Temporal's image", config.offline).await?;
            (None, format!("on {name}"))
        }
        (Component::Temporal, None) => (
            Some(temporal(config).await?),
            "from the pinned binary of the tools cache".into(),
        ),
        _ => (
            Some(binaries.join(component.binary())),
            "from the sources".into(),
        ),
    };
    let bytes = match &binary {
        Some(path) => std::fs::metadata(path)
            .with_context(|| format!("look at {}", path.display()))?
            .len(),
        None => 0,
    };
    let name = component.binary();
    if component.is_ours() && bytes > LARGEST {
        return Err(coded(
            Code::Image,
            format!("{name} is {bytes} bytes, more than the {LARGEST} that its image may have"),
        ));
    }
    let dockerfile = root.join(tag::dockerfile(config, component));
    let frame = frame(component, &dockerfile)?;
    let context = Folder::fill(
        folder(root).join(format!("{}-{}", component.name(), std::process::id())),
        binary.as_deref().map(|path| (path, name)),
        &dockerfile,
    )?;
    let log = log(root, component);
    if !(component.is_ours() && by_layer(image, runner, &frame, &context.0, &log).await?) {
        let base = runner.map_or("", |image| image.reference.as_str());
        let label = ("PART", component.name());
        let args: &[(&str, &str)] = match (component, pinned) {
            (Component::Temporal, Some(pinned)) => &[("TEMPORAL", pinned), label],
            (Component::Temporal, None) => &[label],
            (Component::RunnerE2e, _) => &[("RUNNER", base)],
            _ => &[label, ("FRAME", frame.as_str()), ("BINARY", name)],
        };
        let unlabelled =
            component == Component::RunnerE2e && runner.is_some_and(|runner| runner.foreign);
        let command = command(image, args, unlabelled, &context.0);
        run_to_end(&command, &log, BUILD).await.map_err(|why| {
            let error = docker::explain(&why, Code::Image, &command.echo());
            error.context(format!(
                "the image of {} was not built; all of it in {}",
                component.name(),
                log.display()
            ))
        })?;
    }
    let took = format!("built in {:.1} s", began.elapsed().as_secs_f32());
    let size = match bytes {
        0 => String::new(),
        bytes => format!(", {:.1} MB", bytes as f64 / 1e6),
    };
    say(image, &took, &format!(" ({from}{size})"));
    Ok(())
}

/// Adds the binary of a context to what the engine has already, if it can be: an engine that knows no layers by name refuses.
async fn by_layer(
    image: &Image,
    runner: Option<&Image>,
    frame: &str,
    context: &Path,
    log: &Path,
) -> anyhow::Result<bool> {
    let Some(below) = layer::below(image, runner, frame).await else {
        return Ok(false);
    };
    let archive = context.join("image.tar");
    layer::archive(&archive, below, image, context)?;
    let load = docker(["load", "--input"]).args([archive.to_string_lossy()]);
    Ok(run_to_end(&load, log, BUILD).await.is_ok())
}

async fn temporal(config: &Config) -> anyhow::Result<PathBuf> {
    if !cfg!(target_os = "linux") {
        return Err(coded(
            Code::Image,
            "the tools cache has no Temporal for Linux here\n  mend: pin Temporal's own image by images.pinned.temporal in e2e.toml, or cargo xtask images pull --registry HOST/PATH",
        ));
    }
    install::all(config, &["temporal".to_owned()]).await?;
    installed(config, "temporal").context("temporal was installed but is not there")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let image = Image {
            component: Component::RunnerE2e,
            reference: "r/stigmer-e2e/runner-e2e:1".into(),
            foreign: false,
            remote: true,
        };
        let args = [("RUNNER", "r/stigmer-e2e/runner:1")];
        let echo = |unlabelled| command(&image, &args, unlabelled, Path::new("/c")).echo();
        insta::assert_snapshot!(echo(false), @"BUILDKIT_PROGRESS=plain docker build --force-rm --tag r/stigmer-e2e/runner-e2e:1 --build-arg RUNNER=r/stigmer-e2e/runner:1 /c");
        insta::assert_snapshot!(echo(true), @"BUILDKIT_PROGRESS=plain docker build --force-rm --tag r/stigmer-e2e/runner-e2e:1 --build-arg RUNNER=r/stigmer-e2e/runner:1 --label dev.stigmer.e2e.image=runner-e2e /c");
    }
}
