//! `cargo xtask restart` and the like: one service of the kept stack.

use harness_base::{Code, Config, Interrupt};
use harness_stack::kept::{Deed, KeptStack};
use std::path::Path;

/// Which services.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// temporal, server, gateway, mcp, runner or model
    #[arg(required = true, value_name = "SERVICE")]
    services: Vec<String>,
}

/// Does it to each, in the order that is given.
///
/// # Errors
/// The first that fails.
pub async fn run(root: &Path, config: &Config, deed: Deed, args: &Args) -> anyhow::Result<Code> {
    let interrupt = Interrupt::install()?;
    let mut kept = KeptStack::take(root, config, &interrupt).await?;
    for service in &args.services {
        println!("{}", kept.act(deed, service).await?);
    }
    Ok(Code::Passed)
}
