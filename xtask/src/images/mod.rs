//! `cargo xtask images`: our images from the same cargo build as everything, tagged by the hash of what went into them.

mod binaries;
mod context;
pub mod inputs;
mod make;
mod part;
mod registry;
mod wanted;

use crate::config::Config;
use crate::docker::labels::IMAGE;
use crate::docker::{self, ANSWER, docker};
use crate::exit::{Code, coded};
use crate::run::runs_dir;
use crate::signals::Interrupt;
use std::path::{Path, PathBuf};

pub use make::ensure;
pub use part::{Image, Part};
pub use wanted::{for_tests, wanted};

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
    /// Compile in a container of images.builder, for machines that are not Linux
    #[arg(long, global = true)]
    in_container: bool,
}

/// What to do with the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Subcommand)]
enum Verb {
    /// Fetch what is missing from the registry, where there is one, and build the rest
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
    let list = docker::ask(list, ANSWER, Code::Image).await?;
    let has = |image: &Image| list.lines().any(|line| line == image.reference);
    Ok(images
        .iter()
        .filter(|image| !image.foreign && !has(image))
        .cloned()
        .collect())
}

/// One line for an image: what became of it.
fn say(image: &Image, what: &str, more: &str) {
    println!(
        "{:<10} {what:<15} {}{more}",
        image.part.name(),
        image.reference
    );
}

/// Where the images' logs and contexts are.
fn folder(root: &Path) -> PathBuf {
    target(root).join("images")
}

/// cargo's target folder.
fn target(root: &Path) -> PathBuf {
    let runs = runs_dir(root);
    runs.parent().map(Path::to_owned).unwrap_or(runs)
}

/// Runs `cargo xtask images`.
///
/// # Errors
/// [`Code::Image`] for an image that cannot be had, [`Code::Missing`] for Docker.
pub async fn run(root: &Path, config: &Config, args: &Args) -> anyhow::Result<Code> {
    let interrupt = Interrupt::install()?;
    let work = async {
        let config = &Config {
            offline: args.offline,
            ..config.clone()
        };
        let images = wanted(root, config, args.registry.as_deref())?;
        match args.verb.unwrap_or(Verb::Build) {
            Verb::Build => make::all(root, config, &images, args.in_container).await,
            Verb::Pull => registry::pull(root, &images, args.offline).await,
            Verb::Push => registry::push(root, &images, args.offline).await,
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
    let ours = docker::ask(ours, ANSWER, Code::Image).await?;
    for image in images {
        let there = ours.lines().find(|line| line.starts_with(&image.reference));
        println!(
            "{:<10} {}",
            image.part.name(),
            there.map_or_else(|| format!("{}\tabsent", image.reference), str::to_owned)
        );
    }
    for line in ours.lines() {
        if !images
            .iter()
            .any(|image| line.starts_with(&image.reference))
        {
            println!("{:<10} {line}", "older");
        }
    }
    Ok(())
}

async fn clean() -> anyhow::Result<()> {
    let filter = format!("label={IMAGE}");
    let names = async || {
        let format = "{{.Repository}}:{{.Tag}} {{.ID}}";
        let ours = docker(["image", "ls", "--filter", &filter, "--format", format]);
        docker::ask(ours, ANSWER, Code::Image).await
    };
    let mut count = 0;
    // An image that another one is built on goes only after that one, so those that have names are unnamed first.
    for named in [true, false] {
        let said = names().await?;
        let mut wanted: Vec<&str> = said
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(name, _)| name.contains("<none>") != named)
            .map(|(name, id)| if named { name } else { id })
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        if !wanted.is_empty() {
            let remove = docker(["image", "rm", "--force"]).args(wanted.iter().copied());
            docker::ask(remove, ANSWER, Code::Image).await?;
            count += wanted.len();
        }
    }
    match count {
        0 => println!("no image was built here"),
        count => println!("removed {count} images"),
    }
    Ok(())
}
