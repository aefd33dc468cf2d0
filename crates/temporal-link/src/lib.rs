//! How server and runner are told of Temporal, and connect to it: a dev server, a cluster or
//! Temporal Cloud. Also the names that both sides of a started workflow agree on.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use clap::{
    Args,
    builder::{OsStringValueParser, TypedValueParser},
};
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

const NAMESPACE: &str = "default";
const TASK_QUEUE: &str = "agent_execution_runner";

/// Where Temporal is and how to talk to it. A setting that is there and empty counts as none: this
/// is how Compose and CI hand on what nobody has set.
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
        default_value = NAMESPACE,
        value_parser = or(NAMESPACE)
    )]
    pub namespace: String,

    /// Task queue on which agent-runners poll
    #[arg(
        long,
        env = "TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE",
        default_value = TASK_QUEUE,
        value_parser = or(TASK_QUEUE)
    )]
    pub task_queue: String,

    /// Use TLS (implied by the other TLS options, an API key or a https URL)
    #[arg(long = "temporal-tls", env = "TEMPORAL_TLS")]
    pub tls: bool,

    /// PEM file of the authority that signed Temporal's certificate
    #[arg(
        long = "temporal-tls-ca",
        env = "TEMPORAL_TLS_CA",
        value_name = "FILE",
        value_parser = path()
    )]
    pub tls_ca: Option<PathBuf>,

    /// PEM file of our own certificate (mTLS)
    #[arg(
        long = "temporal-tls-cert",
        env = "TEMPORAL_TLS_CERT",
        value_name = "FILE",
        value_parser = path(),
        requires = "tls_key"
    )]
    pub tls_cert: Option<PathBuf>,

    /// PEM file of our own private key (mTLS)
    #[arg(
        long = "temporal-tls-key",
        env = "TEMPORAL_TLS_KEY",
        value_name = "FILE",
        value_parser = path(),
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

/// A text, and `default` where it is empty.
fn or(default: &'static str) -> impl Fn(&str) -> Result<String, Infallible> + Clone {
    move |text| Ok(if text.is_empty() { default } else { text }.to_owned())
}

/// A path that may be empty, which clap's own may not.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

impl TemporalArgs {
    /// Whether Temporal is configured at all.
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
            .maybe_api_key(self.api_key().map(str::to_owned));
        Ok(options.build())
    }

    fn api_key(&self) -> Option<&str> {
        self.api_key.as_deref().filter(|key| !key.is_empty())
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
        let [ca, cert, key] = [&self.tls_ca, &self.tls_cert, &self.tls_key]
            .map(|path| path.as_deref().filter(|path| !path.as_os_str().is_empty()));
        let wanted =
            self.tls || https || ca.is_some() || cert.is_some() || self.api_key().is_some();
        if !wanted {
            return Ok(None);
        }
        let mut tls = TlsOptions::default();
        if let Some(ca) = ca {
            tls.server_root_ca_cert = Some(read(ca)?);
        }
        if let (Some(cert), Some(key)) = (cert, key) {
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

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    /// What these arguments say, and nothing of the tester's own environment.
    fn parsed(args: &[&str]) -> TemporalArgs {
        let command = TemporalArgs::augment_args(Command::new("x").no_binary_name(true));
        let command = command.mut_args(|arg| arg.env(None::<&'static str>));
        let parsed = command
            .try_get_matches_from(args)
            .and_then(|matches| TemporalArgs::from_arg_matches(&matches));
        parsed.unwrap_or_else(|why| panic!("{why}"))
    }

    fn target(args: &[&str]) -> String {
        let temporal = parsed(args);
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

    #[test]
    fn an_empty_setting_is_none() {
        let empty = [
            "--temporal-address=h:7233",
            "--temporal-namespace=",
            "--task-queue=",
            "--temporal-tls-ca=",
            "--temporal-tls-cert=",
            "--temporal-tls-key=",
            "--temporal-api-key=",
        ];
        let temporal = parsed(&empty);
        assert_eq!(temporal.namespace, "default");
        assert_eq!(temporal.task_queue, "agent_execution_runner");
        assert_eq!(target(&empty), "http://h:7233/");
        assert_eq!(temporal.api_key(), None);
        assert!(!parsed(&["--temporal-address="]).is_configured());
    }
}
