//! `cargo xtask`: the one front door to the end-to-end tests.

#![expect(
    unreachable_pub,
    reason = "nothing but `run` is for outside: `pub` marks what a module offers the others"
)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

#[macro_use]
extern crate harness_base; // printing that ends no run

mod e2e;
mod model_choice;
mod page;
mod phase_choice;
mod runtime;
mod verbs;

use clap::{CommandFactory, Parser, Subcommand};
use harness_base::{Code, config, exit, process};
use harness_provision::tools::cache_dir;
use harness_stack::kept::Deed;
use std::path::PathBuf;
use std::process::ExitCode;
use verbs::{
    bench, ci, down, fault, images, logs, mutants, prereqs, relay, report, service, status,
    timings, tools, up, wait, watch,
};

/// End-to-end tests of the whole chain: CLI, server, Temporal, agent-runner, model
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 passed, 1 our own fault or a build that fails, 2 usage, 10 tests failed, 20 prerequisite missing,
30 image, 40 a service died or did not become ready, 50 something was left behind, 130 interrupted.

Any part can be swapped for somebody else's build: E2E_SERVER_BIN, E2E_RUNNER_BIN, E2E_CLI_BIN, E2E_GATEWAY_BIN,
E2E_MCP_BIN, E2E_TEMPORAL_BIN, or `bin` under [services.*] in e2e.toml. E2E_TOOLS_DIR moves the tools cache.";

const JSON_HELP: &str = "\
--json prints {\"schema\":1,\"ok\":BOOL,\"findings\":[{\"name\",\"state\",\"found\",\"fix\",\"for\"}]}:
state is ok, missing (something cannot run without it) or optional (something else is used in its place), found and
name are text, fix is a command or null, for lists the phases that need it. Exit code 20 when anything is missing.";

const EXPLAIN_HELP: &str = "\
--json prints {\"schema\":1,\"run\",\"commit\",\"exit_code\",\"causes\":[..],\"doubts\":[..],\"tests\":[{\"name\",\"outcome\",\"first\",\"difference\",
\"details\",\"steps\",\"executions\",\"histories\",\"scripts\",\"logs\",..}]}: outcome is passed, failed, killed or unknown (its
phase's report cannot be read), first the first line of the failure, times are milliseconds since 1970. Exit code 2 where no test has such a name.";

const STATUS_HELP: &str = "\
--json prints {\"schema\":1,\"stacks\":[{\"run\",\"kept\",\"owner\",\"runtime\",\"web\",\"services\":[{\"name\",\"state\",\"pid\",
\"container\",\"address\",\"runs\",\"changed\"}]}]}: state is running, paused, gone or yours (of `up --mine`), runs the SHA-256
of the binary or the image, changed what of it is old. Whatever is not known is null.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything that is missing on this machine, each with the command that mends it
    #[command(after_help = JSON_HELP)]
    Prereqs(prereqs::Args),
    /// Pinned tools in a per-user cache
    Tools {
        #[command(subcommand)]
        verb: Option<tools::Verb>,
    },
    /// Container images of our services, tagged by the hash of what went into them
    Images(images::Args),
    /// Start the whole stack and leave it running
    Up(up::Args),
    /// End what `up` or --keep left running
    Down,
    /// Show what runs, and what of a kept stack is older than what was built
    #[command(after_help = STATUS_HELP)]
    Status(status::Args),
    /// Wait until the kept stack is ready
    Wait(wait::Args),
    /// Print the services' logs
    Logs(logs::Args),
    /// Start services of the kept stack again, with the binaries as they were built last (`up` builds first)
    Restart(service::Args),
    /// End services of the kept stack by SIGTERM
    Stop(service::Args),
    /// Start services of the kept stack that were stopped or killed, on the same data
    Start(service::Args),
    /// End services of the kept stack by SIGKILL
    Kill(service::Args),
    /// Hold services of the kept stack where they are
    Pause(service::Args),
    /// Let paused services go on
    Resume(service::Args),
    /// Cut, heal or slow the network of a service of the kept stack
    #[command(subcommand)]
    Network(fault::Network),
    /// Fill the disk of the kept stack's server, or give it room
    #[command(subcommand)]
    Disk(fault::Disk),
    /// Run the end-to-end tests on a stack of their own
    #[command(after_help = AFTER_HELP)]
    E2e(e2e::Args),
    /// Say why tests failed: what they expected and what came, the conversation, what Temporal and the services said
    #[command(after_help = EXPLAIN_HELP)]
    Explain(report::ExplainArgs),
    /// Write a run as one HTML page, report.html in its folder
    Report(report::ReportArgs),
    /// How long stages, services and tests took in the kept runs
    Timings,
    /// Measure speed: each figure beside its limit, by turns (docs/speed.md)
    Bench(bench::Args),
    /// Run the unit tests
    Test,
    /// Measure how many small faults the tests notice, of all code or of a change
    Mutants(mutants::Args),
    /// Format, lint, unit tests, end-to-end tests in each runtime that is there: what a merge needs
    Ci(ci::Args),
    /// The way from a stack's containers to a listener of this host's loopback
    #[command(hide = true)]
    Relay(relay::Args),
    /// The ways of a service of the kept stack
    #[command(hide = true)]
    Ways(relay::WaysArgs),
}

/// The checkout: `cargo run` says where xtask's package is; run by hand it is where it was built.
fn root() -> PathBuf {
    if let Some(root) = std::env::var_os("E2E_ROOT").filter(|root| !root.is_empty()) {
        // Its tests and services run in other folders.
        return std::path::absolute(&root).unwrap_or_else(|_| PathBuf::from(root));
    }
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().map(PathBuf::from).unwrap_or(package)
}

async fn dispatch(command: Command) -> anyhow::Result<Code> {
    let command = match command {
        Command::Relay(args) => return relay::run(args).await,
        Command::Ways(args) => return relay::ways(args).await,
        other => other,
    };
    let root = root();
    config::refuse_old_variables()?;
    if std::env::var_os("E2E_TOOLS_DIR").is_some() {
        cache_dir()?; // before anything is looked for in it, or made
    }
    let config = config::load(&root)?;
    match command {
        Command::Prereqs(args) => prereqs::run(&root, &config, &args).await,
        Command::Tools { verb } => tools::run(&config, verb.unwrap_or_default()).await,
        Command::Images(args) => images::run(&root, &config, &args).await,
        Command::Up(args) => up::run(&root, config, args).await,
        Command::Down => down::run(&root, &config).await,
        Command::Status(args) => status::run(&root, &config, args).await,
        Command::Wait(args) => wait::run(&root, &config, &args).await,
        Command::Logs(args) => logs::run(&root, &args).await,
        Command::Restart(args) => service::run(&root, &config, Deed::Restart, &args).await,
        Command::Stop(args) => service::run(&root, &config, Deed::Stop, &args).await,
        Command::Start(args) => service::run(&root, &config, Deed::Start, &args).await,
        Command::Kill(args) => service::run(&root, &config, Deed::Kill, &args).await,
        Command::Pause(args) => service::run(&root, &config, Deed::Pause, &args).await,
        Command::Resume(args) => service::run(&root, &config, Deed::Resume, &args).await,
        Command::Network(verb) => fault::network(&root, &config, verb).await,
        Command::Disk(verb) => fault::disk(&root, &config, verb).await,
        Command::E2e(args) if args.watch => watch::run(&root, config, args).await,
        Command::E2e(args) => e2e::run(&root, config, args).await,
        Command::Explain(args) => report::explain(&root, &args).await,
        Command::Report(args) => report::report(&root, &args).await,
        Command::Timings => Ok(timings::run(&root)),
        Command::Bench(args) => bench::run(&root, args).await,
        Command::Test => ci::test(&root, &config).await,
        Command::Mutants(args) => mutants::run(&root, &config, args).await,
        Command::Ci(args) => ci::ci(&root, &config, args).await,
        Command::Relay(args) => relay::run(args).await,
        Command::Ways(args) => relay::ways(args).await,
    }
}

/// Reads the command line and does what it says; the exit codes are those of `--help`.
pub fn run() -> ExitCode {
    if let Err(error) = process::this_program() {
        eprintln!("error: {error:#}");
        return ExitCode::from(1);
    }
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: start the runtime: {error}");
            return ExitCode::from(1);
        }
    };
    let result = runtime.block_on(dispatch(cli.command));
    // A question that is still waited for must not hold up the end; it has a time limit of its own.
    runtime.shutdown_background();
    exit::end(result)
}

/// The definition of the command line, for the snapshots of its help.
#[cfg_attr(not(test), expect(dead_code, reason = "only tests look at it"))]
fn definition() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests;
