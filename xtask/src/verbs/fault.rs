//! `cargo xtask network` and `disk`: what a service of the kept stack has to bear.

use harness_base::{Code, Config, Interrupt};
use harness_stack::kept::KeptStack;
use harness_stack::ways::Weather;
use std::path::Path;

/// What becomes of a service's network.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Network {
    /// Nothing passes, and nobody hears of it
    Cut {
        /// server, runner, gateway or mcp; a process is started again once, behind ways of its own
        service: String,
    },
    /// Everything passes again, what was sent meanwhile first
    Heal {
        /// The service
        service: String,
    },
    /// Each piece takes longer, in each direction
    Slow {
        /// The service
        service: String,
        /// Milliseconds a piece
        ms: u64,
    },
}

/// What becomes of the server's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Disk {
    /// There is no room on it
    Fill,
    /// There is room again
    Free,
}

/// Does it.
///
/// # Errors
/// Usage errors about the service; what does not become ready.
pub async fn network(root: &Path, config: &Config, verb: Network) -> anyhow::Result<Code> {
    let (service, weather) = match verb {
        Network::Cut { service } => (service, Weather::Cut),
        Network::Heal { service } => (service, Weather::Healed),
        Network::Slow { service, ms } => (service, Weather::Slow(ms)),
    };
    let interrupt = Interrupt::install()?;
    let mut kept = KeptStack::take(root, config, &interrupt).await?;
    println!("{}", kept.weather(&service, weather).await?);
    Ok(Code::Passed)
}

/// Does it.
///
/// # Errors
/// When the server does not run, or is a container of Compose's.
pub async fn disk(root: &Path, config: &Config, verb: Disk) -> anyhow::Result<Code> {
    let interrupt = Interrupt::install()?;
    let kept = KeptStack::take(root, config, &interrupt).await?;
    kept.stack.fill_disk("server", verb == Disk::Fill).await?;
    println!(
        "{}",
        match verb {
            Disk::Fill => "the server's disk is full",
            Disk::Free => "the server's disk has room",
        }
    );
    Ok(Code::Passed)
}
