//! `cargo xtask wait`: until the kept stack is ready.

use harness_base::{Code, Config, Interrupt, coded};
use harness_stack::kept::KeptStack;
use std::path::Path;
use std::time::{Duration, Instant};

/// Between two looks for a stack that another command is bringing up.
const LOOK: Duration = Duration::from_millis(100);

/// Flags of `cargo xtask wait`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// temporal, server, gateway, mcp, runner or model [default: all that the stack has]
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Longest wait; then exit code 40
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u64,
}

/// Waits for a stack that is coming up, then for its services.
///
/// # Errors
/// [`Code::NotReady`] at the end of the wait, and at once for a service that does not run.
pub async fn run(root: &Path, config: &Config, args: &Args) -> anyhow::Result<Code> {
    let (began, interrupt) = (Instant::now(), Interrupt::install()?);
    let limit = Duration::from_secs(args.seconds);
    let kept = loop {
        if let Some(kept) = KeptStack::find(root, config, &interrupt).await? {
            break kept;
        }
        if began.elapsed() > limit {
            let text = format!(
                "no stack was up within {} s: `cargo xtask up` starts one",
                args.seconds
            );
            return Err(coded(Code::NotReady, text));
        }
        tokio::select! {
            () = interrupt.reached(1) => return Ok(Code::Interrupted),
            () = tokio::time::sleep(LOOK) => {}
        }
    };
    let left = limit.saturating_sub(began.elapsed());
    kept.wait(&args.services, left).await?;
    Ok(Code::Passed)
}
