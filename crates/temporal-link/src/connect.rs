//! From the settings to a connection.

use std::{path::Path, time::Duration};

use anyhow::{Context, bail};
use temporalio_client::{
    Client, ClientOptions, ClientTlsOptions, Connection, ConnectionOptions, GrpcCompression,
    TlsOptions,
};
use url::Url;

use crate::args::TemporalArgs;

/// One attempt to connect; a port that accepts and then says nothing must not hold us longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

impl TemporalArgs {
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
    use clap::{Args as _, Command, FromArgMatches};

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
        let service = "--temporal-service-address=s:7233";
        assert_eq!(target(&["--temporal-address=", service]), "http://s:7233/");
        assert_eq!(target(&["--temporal-address=h:1", service]), "http://h:1/");
    }
}
