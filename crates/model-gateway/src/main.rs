//! Stands between runner and model.

use std::process::ExitCode;

use anyhow::Context;
use model_gateway::{
    aside,
    config::{Cli, Command},
    serve,
};
use service_kit::{command_line, health, log_filter};
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
    if let Command::Healthcheck { address } = &cli.command {
        return aside::run(health::ask(address))?;
    }
    let filter = EnvFilter::try_new(log_filter(&cli.log_level)?);
    tracing_subscriber::fmt()
        .with_env_filter(filter.context("LOG_LEVEL is no level and no filter")?)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    match cli.command {
        Command::Serve(args) => aside::run(serve::run(args))?,
        Command::Healthcheck { .. } => Ok(()), // answered above
    }
}
