//! The commands that need no server.

use std::io::Write;

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

use crate::{App, cli::Cli};

pub(crate) fn completions(_: &App, shell: Shell) -> Result<()> {
    // Written at once: the generator itself panics where nobody reads on.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "stigmer", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(())
}

pub(crate) fn version(app: &App) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    app.output.either(
        &json!({ "version": version }),
        &format!("stigmer {version}\n"),
    )
}
