//! `stigmer`: applies agents to a Stigmer server, runs them, and shows what became of it.

mod address;
mod app;
mod cli;
mod client;
mod commands;
mod duration;
mod env_file;
mod failure;
#[cfg(test)]
mod floors;
mod follow;
mod name;
mod no_grpc;
mod output;
mod project;
mod resolve;
mod runtime_env;
mod traced;
mod understood;
mod watch;

use std::{env, process::ExitCode};

use clap::{CommandFactory, FromArgMatches, error::ErrorKind, parser::ValueSource};

use crate::{
    app::App,
    cli::{Cli, Command, SERVER},
    failure::{Exit, Failure},
    output::Output,
    traced::Traced,
};

/// Columns of a help where the terminal does not say how many it has; clap's own number.
const WIDTH: usize = 100;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match command_line() {
        Ok(cli) => cli,
        Err(error) => return report(&error).into(),
    };
    let app = App {
        output: Output::new(cli.global.output),
        global: cli.global,
    };
    let result = match &cli.command {
        Command::Apply(args) => commands::apply::run(&app, args).await,
        Command::Run(args) => {
            let traced = Traced::begin("stigmer run");
            let result = commands::run::run(&app, args).await;
            traced.end(&result).await;
            result
        }
        Command::Get(args) => commands::get::run(&app, args).await,
        Command::Logs(args) => commands::logs::run(&app, args).await,
        Command::Cancel(args) => commands::cancel::run(&app, args).await,
        Command::Skill(args) => commands::skill::run(&app, args).await,
        Command::Delete(args) => commands::delete::run(&app, args).await,
        Command::Completions { shell } => commands::completions::run(*shell),
        Command::Version => commands::version::run(&app),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error).into(),
    }
}

/// What the command line says. Where it is wrong, or asks for help, this says so and ends the process.
fn command_line() -> anyhow::Result<Cli> {
    let mut command = Cli::command();
    // Some terminals say so before they have a size; clap would write a word a line.
    let columns = env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    if columns == Some(0_usize) {
        command = command.term_width(WIDTH);
    }
    let read = command.try_get_matches_from_mut(env::args_os());
    let read = read.and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        let argued = matches.value_source("server") == Some(ValueSource::CommandLine);
        Ok((cli, argued))
    });
    let (mut cli, argued) = read.or_else(|error| {
        let is_text = env::args_os().all(|arg| arg.to_str().is_some());
        // clap would say that an argument is not.
        if error.kind() == ErrorKind::InvalidUtf8 && is_text {
            return Err(Failure::usage(format!(
                "{SERVER} is not UTF-8: set it to an address like {}, or unset it",
                address::DEFAULT
            )));
        }
        // What was asked for and could not be written is no success.
        if let Err(unwritten) = error.print()
            && !error.use_stderr()
        {
            return Err(output::unwritten(unwritten));
        }
        std::process::exit(error.exit_code())
    })?;
    // Not by clap, which repeats what it refuses, and names the flag for the variable.
    cli.global.server = address::normalize(&cli.global.server).map_err(|why| {
        let told_by = if argued { "--server" } else { SERVER };
        Failure::usage(format!("{told_by}: {why}"))
    })?;
    cli.global.server_was_argued = argued;
    Ok(cli)
}

fn report(error: &anyhow::Error) -> Exit {
    let exit = failure::exit_of(error);
    if exit != Exit::Pipe {
        output::error_line(&format!("{error:#}"));
    }
    exit
}
