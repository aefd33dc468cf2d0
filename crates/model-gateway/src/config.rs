//! What the gateway is told by flags and environment.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;
use service_kit::path;

/// Stands between runner and model.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// What to log: error, warn, info, debug, trace, or a tracing filter
    #[arg(long, env = "LOG_LEVEL", default_value = "info", global = true)]
    pub log_level: String,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the gateway can be.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer OpenAI-style requests: from scripts, from cassettes, or by passing them on to a model
    Serve(Serve),
    /// Ask a running gateway whether it serves; exit code 0 if it does
    Healthcheck {
        /// The gateway to ask, HOST:PORT
        #[arg(long, default_value = "127.0.0.1:8080")]
        address: String,
    },
}

/// Where the gateway listens.
#[derive(Args, Clone, Debug)]
pub struct Listen {
    /// Address to listen on
    #[arg(long, env = "GATEWAY_HOST", default_value = "127.0.0.1")]
    pub host: IpAddr,

    /// Port to listen on; 0 takes any free one
    #[arg(long, env = "GATEWAY_PORT", default_value_t = 8080)]
    pub port: u16,

    /// File to which the bound HOST:PORT is written once the gateway listens
    #[arg(long, env = "STIGMER_ANNOUNCE_FILE", value_name = "FILE", value_parser = path())]
    pub announce_file: Option<PathBuf>,
}

/// What becomes of requests for `replay/CASSETTE/MODEL`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// They are answered from the cassette.
    #[default]
    Replay,
    /// They are passed on to the model and recorded.
    Record,
    /// They are passed on to the model.
    Live,
}

/// `serve`.
#[derive(Args, Clone, Debug)]
pub struct Serve {
    /// Where to listen.
    #[command(flatten)]
    pub listen: Listen,

    /// Base address of the model's OpenAI-compatible API, up to and with /v1; without it there is no live model
    #[arg(
        long,
        env = "GATEWAY_UPSTREAM",
        value_name = "URL",
        hide_env_values = true
    )] // a password may stand in it
    pub upstream: Option<String>,

    /// What becomes of requests for replay/CASSETTE/MODEL
    #[arg(long, env = "GATEWAY_MODE", value_enum, default_value_t)]
    pub mode: Mode,

    /// File to which one JSON line per exchange is appended; - is standard output
    #[arg(long, env = "GATEWAY_EXCHANGES", value_name = "FILE", value_parser = path())]
    pub exchanges: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
