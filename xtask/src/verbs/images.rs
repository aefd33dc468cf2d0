//! `cargo xtask images`: what its verbs do.

use harness_base::{Code, Config, Interrupt, coded};
use harness_provision::images;
use std::path::Path;

/// Flags of `cargo xtask images`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Prefix of every image's name, such as registry.example.org/team [default: e2e.toml's images.registry]
    #[arg(long, value_name = "HOST[:PORT][/PATH]", global = true, value_parser = harness_base::config::registry)]
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

/// Runs `cargo xtask images`.
///
/// # Errors
/// [`Code::Image`] for an image that cannot be had, [`Code::Missing`] for Docker.
pub async fn run(root: &Path, config: &Config, args: &Args) -> anyhow::Result<Code> {
    let interrupt = Interrupt::install()?;
    let work = async {
        let config = &config.with_offline(args.offline);
        let wanted = images::wanted(root, config, args.registry.as_deref())?;
        match args.verb.unwrap_or(Verb::Build) {
            Verb::Build => images::all(root, config, &wanted, args.in_container).await,
            Verb::Pull => images::pull(root, &wanted, args.offline).await,
            Verb::Push => images::push(root, &wanted, args.offline).await,
            Verb::List => images::list(&wanted).await,
            Verb::Clean => images::clean().await,
        }
    };
    tokio::select! {
        done = work => done.map(|()| Code::Passed),
        () = interrupt.reached(1) => Err(coded(Code::Interrupted, "interrupted; the same command goes on where this one stopped")),
    }
}
