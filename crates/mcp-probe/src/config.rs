//! What the server is told by flags and environment.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use service_kit::path;

use crate::oddity::Oddity;

/// An MCP server whose tools show what reaches it.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// What to log: error, warn, info, debug, trace, or a tracing filter
    #[arg(long, env = "LOG_LEVEL", default_value = "info", global = true)]
    pub log_level: String,

    /// File that keeps what `note` notes; unset = this process keeps it
    #[arg(long, env = "MCP_PROBE_NOTES", value_name = "FILE", value_parser = path(), global = true)]
    pub notes: Option<PathBuf>,

    /// How to be reached; nothing = by stdin and stdout.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Other ways than stdin and stdout.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve streamable HTTP at /mcp
    Http(Listen),
    /// Serve standard streams, and do what other servers do wrong
    Odd {
        /// What is odd, besides the tools
        oddity: Oddity,
        /// What the tool `args` shows
        args: Vec<String>,
    },
    /// Ask a running server whether it serves; exit code 0 if it does
    Healthcheck {
        /// The server to ask, HOST:PORT
        #[arg(long, default_value = "127.0.0.1:8080")]
        address: String,
    },
}

/// Where the server listens.
#[derive(Args, Clone, Debug)]
pub struct Listen {
    /// Address to listen on
    #[arg(long, env = "MCP_PROBE_HOST", default_value = "127.0.0.1")]
    pub host: IpAddr,

    /// Port to listen on; 0 takes any free one
    #[arg(long, env = "MCP_PROBE_PORT", default_value_t = 8080)]
    pub port: u16,

    /// File to which the bound HOST:PORT is written once the server listens
    #[arg(long, env = "STIGMER_ANNOUNCE_FILE", value_name = "FILE", value_parser = path())]
    pub announce_file: Option<PathBuf>,
}
