//! Runs agents: a Temporal worker with the durable loop of an execution.

mod activities;
mod backend;
mod config;
mod context_fit;
mod conversation;
mod execution_data;
mod failure;
#[cfg(test)]
mod floors;
mod graphton;
mod healthcheck;
mod history;
mod keys;
mod limits;
mod model;
mod offered_tools;
mod pins;
mod prepare;
mod provider;
mod reaper;
mod session_history;
mod settled;
mod spans;
mod status;
mod transcript;
mod worker;
mod workflow;

use std::process::ExitCode;

use anyhow::Context;
use service_kit::{command_line, log_filter};
use tracing_subscriber::EnvFilter;

use config::{Cli, Command};

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
    // The worker's futures stay on one thread; its activities use the others.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    match cli.command {
        Some(Command::Healthcheck(mut args)) => {
            args.key_files.temporal(&mut args.temporal.api_key)?;
            args.key_files.llm(&mut args.llm.api_key)?;
            runtime.block_on(healthcheck::run(&args))
        }
        Some(Command::History {
            execution,
            run,
            key_files,
            mut temporal,
        }) => {
            key_files.temporal(&mut temporal.api_key)?;
            runtime.block_on(history::print(&temporal, &execution, run))
        }
        None => {
            // Temporal's absence is told once by us, not with every retry of its client; MCP servers
            // are told of by agent-tools.
            let quiet =
                "temporalio_client=error,temporalio_sdk_core=warn,temporalio_sdk=warn,rmcp=warn";
            let level = log_filter(&cli.run.log_level)?;
            let filter = EnvFilter::try_new(format!("{level},{quiet}"));
            tracing_subscriber::fmt()
                .with_env_filter(filter.context("LOG_LEVEL is no level and no filter")?)
                .with_writer(std::io::stderr)
                .with_ansi(false)
                .init();
            let mut run = cli.run;
            run.key_files.own(&mut run.runner_key)?;
            run.key_files.temporal(&mut run.temporal.api_key)?;
            run.key_files.llm(&mut run.llm.api_key)?;
            runtime.block_on(async {
                let exporting = otlp::start("agent-runner", |why| tracing::warn!("{why}"));
                let ran = worker::run(run).await;
                if let Some(exporting) = exporting {
                    exporting.end().await;
                }
                ran
            })
        }
    }
}
