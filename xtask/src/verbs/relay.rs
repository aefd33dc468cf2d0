//! `cargo xtask relay`: started by a stack in containers for a model on this host's loopback. It outlives `up`.

use anyhow::Context;
use harness_base::{Code, Interrupt};
use harness_stack::relay::{Peers, Relay};
use harness_stack::ways;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Where from, where to, and who may.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address to listen on
    from: SocketAddr,
    /// HOST:PORT that it leads to
    to: String,
    /// The network that may pass, ADDRESS/PREFIX
    #[arg(long)]
    peers: String,
}

/// Passes bytes on until a signal comes.
///
/// # Errors
/// When the address cannot be bound.
pub async fn run(args: Args) -> anyhow::Result<Code> {
    let interrupt = Interrupt::install()?;
    let network = args.peers.split_once('/').and_then(|(address, prefix)| {
        Some((address.parse::<Ipv4Addr>().ok()?, prefix.parse().ok()?))
    });
    let (address, prefix) = network.context("--peers is ADDRESS/PREFIX")?;
    let peers = Peers::Network(address, prefix);
    let relay = Relay::listen(args.from, args.to, peers).await?;
    if let Some(file) = std::env::var_os("STIGMER_ANNOUNCE_FILE") {
        std::fs::write(file, relay.address.to_string()).context("announce the address")?;
    }
    interrupt.reached(1).await;
    Ok(Code::Passed)
}

/// Ways of one service of a kept stack.
#[derive(Clone, Debug, clap::Args)]
pub struct WaysArgs {
    /// Where it says how it is told
    announce: PathBuf,
    /// FROM=TO each
    ways: Vec<String>,
}

/// Passes bytes on, or not, until a signal comes.
///
/// # Errors
/// When an address cannot be bound.
pub async fn ways(args: WaysArgs) -> anyhow::Result<Code> {
    let interrupt = Interrupt::install()?;
    tokio::select! {
        ended = ways::serve(&args.ways, &args.announce) => ended.map(|()| Code::Passed),
        () = interrupt.reached(1) => Ok(Code::Passed),
    }
}
