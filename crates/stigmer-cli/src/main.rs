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
mod output;
mod project;
mod resolve;
mod runtime_env;
mod traced;
mod understood;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    app::App,
    cli::{Cli, Command},
    failure::Exit,
    output::Output,
    traced::Traced,
};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
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

fn report(error: &anyhow::Error) -> Exit {
    let exit = failure::exit_of(error);
    if exit != Exit::Pipe {
        output::error_line(&format!("{error:#}"));
    }
    exit
}
