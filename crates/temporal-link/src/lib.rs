//! How server and runner are told of Temporal, and connect to it: a dev server, a cluster or
//! Temporal Cloud. Also the names that both sides of a started workflow agree on.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use temporalio_client::{
    Client, ClientOptions, ClientTlsOptions, Connection, ConnectionOptions, GrpcCompression,
    TlsOptions,
};
use url::Url;

/// The workflow that runs one execution.
pub const WORKFLOW_TYPE: &str = "stigmer/agent-execution/invoke";

/// The id of the workflow that runs execution `id`.
pub fn workflow_id(id: &str) -> String {
    format!("{WORKFLOW_TYPE}/{id}")
}

/// One attempt to connect; a port that accepts and then says nothing must not hold us longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Where Temporal is and how to talk to it.
#[derive(Args, Clone)]
#[command(next_help_heading = "Temporal")]
pub struct TemporalArgs {
    /// Temporal's frontend, HOST:PORT or a URL
    #[arg(
        long = "temporal-address",
        env = "TEMPORAL_ADDRESS",
        value_name = "HOST:PORT"
    )]
    pub address: Option<String>,

    /// Namespace of the workflows
    #[arg(
        long = "temporal-namespace",
        env = "TEMPORAL_NAMESPACE",
        default_value = "default"
    )]
    pub namespace: String,

    /// Task queue on which agent-runners poll
    #[arg(
        long,
        env = "TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE",
        default_value = "agent_execution_runner"
    )]
    pub task_queue: String,

    /// Use TLS (implied by the other TLS options, an API key or a https URL)
    #[arg(long = "temporal-tls", env = "TEMPORAL_TLS")]
    pub tls: bool,

    /// PEM file of the authority that signed Temporal's certificate
    #[arg(long = "temporal-tls-ca", env = "TEMPORAL_TLS_CA", value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,

    /// PEM file of our own certificate (mTLS)
    #[arg(
        long = "temporal-tls-cert",
        env = "TEMPORAL_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    pub tls_cert: Option<PathBuf>,

    /// PEM file of our own private key (mTLS)
    #[arg(
        long = "temporal-tls-key",
        env = "TEMPORAL_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    pub tls_key: Option<PathBuf>,

    /// API key (Temporal Cloud)
    #[arg(
        id = "temporal_api_key",
        long = "temporal-api-key",
        env = "TEMPORAL_API_KEY",
        hide_env_values = true
    )]
    pub api_key: Option<String>,
}

impl TemporalArgs {
    /// Whether Temporal is configured at all; an empty address counts as none.
    pub fn is_configured(&self) -> bool {
        self.address.as_deref().is_some_and(|a| !a.is_empty())
    }

    /// The address as configured, for messages.
    pub fn address(&self) -> &str {
        self.address.as_deref().unwrap_or("")
    }

    /// One attempt to connect, of at most 3 s. `identity` is shown by Temporal for this process.
    ///
    /// # Errors
    /// When the configuration is wrong or Temporal does not answer; the text names the address.
    pub async fn connect(&self, identity: &str) -> anyhow::Result<Client> {
        let options = self.connection_options(identity)?;
        let connection = tokio::time::timeout(CONNECT_TIMEOUT, Connection::connect(options))
            .await
            .with_context(|| {
                format!(
                    "Temporal at {} gave no answer within {CONNECT_TIMEOUT:?}",
                    self.address()
                )
            })?
            .with_context(|| format!("cannot reach Temporal at {}", self.address()))?;
        Client::new(connection, ClientOptions::new(&self.namespace).build())
            .context("cannot make a Temporal client")
    }

    fn connection_options(&self, identity: &str) -> anyhow::Result<ConnectionOptions> {
        let tls = self.tls_options()?;
        let target = self.target(tls.is_some())?;
        let options = ConnectionOptions::new(target)
            .identity(identity.to_owned())
            .connect_timeout(CONNECT_TIMEOUT)
            // Payloads are small and mostly local; compressing costs more than it saves.
            .grpc_compression(GrpcCompression::None)
            .maybe_tls_options(tls)
            .maybe_api_key(self.api_key.clone());
        Ok(options.build())
    }

    fn target(&self, tls: bool) -> anyhow::Result<Url> {
        let address = self.address();
        if address.is_empty() {
            bail!("no Temporal is configured: set TEMPORAL_ADDRESS to HOST:PORT");
        }
        let text = if address.contains("://") {
            address.to_owned()
        } else {
            format!("{}://{address}", if tls { "https" } else { "http" })
        };
        Url::parse(&text).with_context(|| {
            format!("`{address}` is no address of Temporal: TEMPORAL_ADDRESS takes HOST:PORT")
        })
    }

    fn tls_options(&self) -> anyhow::Result<Option<TlsOptions>> {
        let https = self.address().starts_with("https://");
        let wanted = self.tls
            || https
            || self.tls_ca.is_some()
            || self.tls_cert.is_some()
            || self.api_key.is_some();
        if !wanted {
            return Ok(None);
        }
        let mut tls = TlsOptions::default();
        if let Some(ca) = &self.tls_ca {
            tls.server_root_ca_cert = Some(read(ca)?);
        }
        if let (Some(cert), Some(key)) = (&self.tls_cert, &self.tls_key) {
            tls.client_tls_options = Some(
                ClientTlsOptions::builder()
                    .client_cert(read(cert)?)
                    .client_private_key(read(key)?)
                    .build(),
            );
        }
        Ok(Some(tls))
    }
}

fn read(path: &PathBuf) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        temporal: TemporalArgs,
    }

    fn target(args: &[&str]) -> String {
        let args = [&["x"], args].concat();
        let temporal = Cli::parse_from(args).temporal;
        let tls = temporal.tls_options().map(|t| t.is_some());
        match tls.and_then(|tls| temporal.target(tls)) {
            Ok(url) => url.to_string(),
            Err(why) => why.to_string(),
        }
    }

    #[test]
    fn the_address_decides_the_scheme() {
        assert_eq!(target(&["--temporal-address=h:7233"]), "http://h:7233/");
        assert_eq!(
            target(&["--temporal-address=h:7233", "--temporal-api-key=k"]),
            "https://h:7233/"
        );
        assert_eq!(target(&["--temporal-address=https://h"]), "https://h/");
        assert!(target(&[]).contains("TEMPORAL_ADDRESS"));
        assert!(target(&["--temporal-address=:"]).contains("HOST:PORT"));
        assert!(target(&["--temporal-address=h:1", "--temporal-tls-ca=/none"]).contains("/none"));
    }
}
