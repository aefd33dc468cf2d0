//! `cargo xtask images`: our images from the same cargo build as everything, tagged by the hash of what went into them.

pub mod inputs;
mod make;
mod registry;

use crate::config::Config;
use crate::engine::{self, ANSWER, IMAGE, docker};
use crate::exit::{Code, coded};
use crate::signals::Interrupt;
use std::path::Path;

pub use make::ensure;

/// Flags of `cargo xtask images`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Prefix of every image's name, such as registry.example.org/team [default: e2e.toml's images.registry]
    #[arg(long, value_name = "HOST[:PORT][/PATH]", global = true)]
    registry: Option<String>,
    /// Fetch nothing: no tool, no crate, no image
    #[arg(long, global = true)]
    offline: bool,
}

/// What to do with the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Subcommand)]
enum Verb {
    /// Build what is missing for the present sources
    Build,
    /// Fetch what is missing from the registry
    Pull,
    /// Send the present images to the registry
    Push,
    /// Show the images of the present sources, and older ones
    List,
    /// Remove all images that were built here
    Clean,
}

/// Who belongs to a stack of containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `stigmer-server`.
    Server,
    /// `agent-runner`.
    Runner,
    /// `model-gateway`.
    Gateway,
    /// Temporal's dev server.
    Temporal,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Server, Self::Runner, Self::Gateway, Self::Temporal];

    /// Its name in Compose and in image names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Runner => "runner",
            Self::Gateway => "gateway",
            Self::Temporal => "temporal",
        }
    }

    /// Its binary, at the root of its image.
    pub fn binary(self) -> &'static str {
        match self {
            Self::Server => "stigmer-server",
            Self::Runner => "agent-runner",
            Self::Gateway => "model-gateway",
            Self::Temporal => "temporal",
        }
    }

    /// The variable that names its image, in `compose.yaml` and for users who bring their own.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Server => "E2E_IMAGE_SERVER",
            Self::Runner => "E2E_IMAGE_RUNNER",
            Self::Gateway => "E2E_IMAGE_GATEWAY",
            Self::Temporal => "E2E_IMAGE_TEMPORAL",
        }
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
}

/// The images of the present sources, in the order of [`Part::ALL`].
///
/// # Errors
/// When a source cannot be read.
pub fn wanted(root: &Path, config: &Config, registry: Option<&str>) -> anyhow::Result<Vec<Image>> {
    let prefix = registry
        .unwrap_or(&config.images.registry)
        .trim_end_matches('/');
    Part::ALL
        .into_iter()
        .map(|part| {
            if let Ok(reference) = std::env::var(part.variable())
                && !reference.is_empty()
            {
                return Ok(Image {
                    part,
                    reference,
                    foreign: true,
                });
            }
            let tag = inputs::tag(root, config, part)?;
            let name = format!("stigmer-e2e/{}:{tag}", part.name());
            let reference = if prefix.is_empty() {
                name
            } else {
                format!("{prefix}/{name}")
            };
            Ok(Image {
                part,
                reference,
                foreign: false,
            })
        })
        .collect()
}

/// Those that the engine does not have.
///
/// # Errors
/// When the engine does not answer.
pub async fn absent(images: &[Image]) -> anyhow::Result<Vec<Image>> {
    // One question for all: the client itself is what takes time. It says nothing about those that are not there.
    let list = docker([
        "image",
        "ls",
        "--no-trunc",
        "--format",
        "{{.Repository}}:{{.Tag}}",
    ]);
    let list = engine::ask(list, ANSWER, Code::Image).await?;
    let has = |image: &Image| list.lines().any(|line| line == image.reference);
    Ok(images
        .iter()
        .filter(|image| !image.foreign && !has(image))
        .cloned()
        .collect())
}

/// Runs `cargo xtask images`.
///
/// # Errors
/// [`Code::Image`] for an image that cannot be had, [`Code::Missing`] for Docker.
pub async fn run(root: &Path, config: &Config, args: &Args) -> anyhow::Result<Code> {
    let interrupt = Interrupt::install()?;
    let work = async {
        let images = wanted(root, config, args.registry.as_deref())?;
        match args.verb.unwrap_or(Verb::Build) {
            Verb::Build => make::ensure(root, config, &images, args.offline).await,
            Verb::Pull => registry::pull(&images, args.offline).await,
            Verb::Push => registry::push(&images, args.offline).await,
            Verb::List => list(&images).await,
            Verb::Clean => clean().await,
        }
    };
    tokio::select! {
        done = work => done.map(|()| Code::Passed),
        () = interrupt.reached(1) => Err(coded(Code::Interrupted, "interrupted; the same command goes on where this one stopped")),
    }
}

async fn list(images: &[Image]) -> anyhow::Result<()> {
    let filter = format!("label={IMAGE}");
    let format = "{{.Repository}}:{{.Tag}}\t{{.Size}}\t{{.CreatedSince}}";
    let ours = docker(["image", "ls", "--filter", &filter, "--format", format]);
    let ours = engine::ask(ours, ANSWER, Code::Image).await?;
    for image in images {
        let there = ours.lines().find(|line| line.starts_with(&image.reference));
        println!(
            "{:<9} {}",
            image.part.name(),
            there.map_or_else(|| format!("{}\tabsent", image.reference), str::to_owned)
        );
    }
    for line in ours.lines() {
        if !images
            .iter()
            .any(|image| line.starts_with(&image.reference))
        {
            println!("{:<9} {line}", "older");
        }
    }
    Ok(())
}

async fn clean() -> anyhow::Result<()> {
    let filter = format!("label={IMAGE}");
    let ours = docker(["image", "ls", "--quiet", "--filter", &filter]);
    let ours = engine::ask(ours, ANSWER, Code::Image).await?;
    let mut ids: Vec<&str> = ours.lines().collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        println!("no image was built here");
        return Ok(());
    }
    let remove = docker(["image", "rm", "--force"]).args(ids.iter().copied());
    engine::ask(remove, ANSWER, Code::Image).await?;
    println!("removed {} images", ids.len());
    Ok(())
}
