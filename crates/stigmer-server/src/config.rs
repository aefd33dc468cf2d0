//! What the server is told by flags and environment.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use service_kit::{fill_key, path};
use temporal_link::TemporalArgs;

use crate::services::RunnerKey;

/// Stigmer's gRPC server: stores agents and executions, hands executions to Temporal.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) serve: Serve,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Ask a running server whether it serves; exit code 0 if it does
    Healthcheck {
        /// The server to ask, HOST:PORT
        #[arg(
            long,
            env = "STIGMER_SERVER_ADDR",
            default_value = "127.0.0.1:7234",
            hide_env_values = true // a password may stand in it
        )]
        address: String,
    },
}

#[derive(Args)]
pub(crate) struct Serve {
    /// Address to listen on
    #[arg(long, env = "GRPC_HOST", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,

    /// Port to listen on; 0 takes any free one
    #[arg(long, env = "GRPC_PORT", default_value_t = 7234)]
    port: u16,

    /// File to which the bound HOST:PORT is written once the server listens
    #[arg(long, env = "STIGMER_ANNOUNCE_FILE", value_name = "FILE", value_parser = path())]
    pub(crate) announce_file: Option<PathBuf>,

    /// Database file [default: ~/.stigmer/stigmer.db]
    #[arg(long, env = "DB_PATH", value_name = "FILE", value_parser = path())]
    db_path: Option<PathBuf>,

    /// File with the key of the stored secrets, made at first start [default: DB_PATH with `.key`
    /// after it]
    #[arg(long, env = "STIGMER_SECRETS_KEY_FILE", value_name = "FILE", value_parser = path())]
    secrets_key_file: Option<PathBuf>,

    /// The runner that shows it is told secrets; unset, nobody is
    #[arg(
        long,
        env = "STIGMER_RUNNER_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    runner_key: Option<String>,

    /// File with the key of STIGMER_RUNNER_KEY
    #[arg(long, env = "STIGMER_RUNNER_KEY_FILE", value_name = "FILE", value_parser = path())]
    runner_key_file: Option<PathBuf>,

    /// File with the key of TEMPORAL_API_KEY
    #[arg(long, env = "TEMPORAL_API_KEY_FILE", value_name = "FILE", value_parser = path())]
    temporal_api_key_file: Option<PathBuf>,

    /// How often executions under way are compared with their workflows
    #[arg(
        long,
        env = "STIGMER_RECONCILE_SECONDS",
        default_value_t = 10,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=24 * 3600)
    )]
    reconcile: u64,

    /// What to log: error, warn, info, debug, trace, or a tracing filter
    #[arg(long, env = "LOG_LEVEL", default_value = "info")]
    pub(crate) log_level: String,

    #[command(flatten)]
    pub(crate) temporal: TemporalArgs,
}

impl Serve {
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    pub(crate) fn reconcile(&self) -> Duration {
        Duration::from_secs(self.reconcile)
    }

    /// Fills in the keys that are in files.
    ///
    /// # Errors
    /// When one cannot be read, or is told beside its file.
    pub(crate) fn read_keys(&mut self) -> anyhow::Result<()> {
        let file = self.runner_key_file.as_deref();
        fill_key(&mut self.runner_key, file, "STIGMER_RUNNER_KEY")?;
        let file = self.temporal_api_key_file.as_deref();
        fill_key(&mut self.temporal.api_key, file, "TEMPORAL_API_KEY")
    }

    pub(crate) fn runner_key(&self) -> RunnerKey {
        RunnerKey::new(self.runner_key.as_deref())
    }

    /// The file with the key of the secrets in the database `db`.
    pub(crate) fn secrets_key_file(&self, db: &Path) -> PathBuf {
        if let Some(file) = &self.secrets_key_file {
            return file.clone();
        }
        let mut file = db.as_os_str().to_owned();
        file.push(".key");
        file.into()
    }

    pub(crate) fn db_path(&self) -> anyhow::Result<PathBuf> {
        if let Some(path) = &self.db_path {
            return Ok(path.clone());
        }
        let home = std::env::home_dir().context("there is no home directory: set DB_PATH")?;
        Ok(home.join(".stigmer/stigmer.db"))
    }
}

/// Open streams are told to end at once; a client that does not read is not waited for longer.
pub(crate) const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }

    /// A time that cannot be added to the clock's would end the server with a panic.
    #[test]
    fn a_pause_between_comparisons_has_bounds() {
        use clap::Parser;
        for seconds in ["0", "18446744073709551615"] {
            let refused = super::Cli::try_parse_from(["x", "--reconcile", seconds]);
            let said = refused.err().map(|e| e.to_string()).unwrap_or_default();
            assert!(said.contains("--reconcile"), "{said}");
        }
    }
}
