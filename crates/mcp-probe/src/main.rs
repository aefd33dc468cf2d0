//! An MCP server for tests of agents.

use std::process::ExitCode;

use anyhow::Context;
use mcp_probe::{
    config::{Cli, Command},
    notes::Notes,
    odd, serve,
    tools::Probe,
};
use service_kit::{Stop, command_line, health, log_filter};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    match run(command_line()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    if let Some(Command::Odd { oddity, args }) = cli.command {
        return odd::serve(oddity, args).context("stdin cannot be read");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if let Some(Command::Healthcheck { address }) = &cli.command {
        return runtime.block_on(health::ask(address));
    }
    // Stdout is the protocol's.
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_new(log_filter(&cli.log_level)?)
                .context("LOG_LEVEL is no level and no filter")?,
        )
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let probe = Probe::new(Notes::new(cli.notes));
    let ended = runtime.block_on(async {
        let stop = Stop::install()?;
        match cli.command {
            Some(Command::Http(listen)) => serve::by_http(probe, &listen, stop).await,
            _ => serve::by_stdio(probe, stop).await,
        }
    });
    // A read of stdin that nobody ends must not hold up the end.
    runtime.shutdown_background();
    ended
}
