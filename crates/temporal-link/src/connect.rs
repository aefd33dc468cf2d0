//! From the settings to a connection.

use std::{path::Path, time::Duration};

use anyhow::{Context, bail};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use temporalio_client::{
    Client, ClientOptions, ClientTlsOptions, Connection, ConnectionOptions, GrpcCompression,
    TlsOptions,
};
use url::Url;

use crate::args::TemporalArgs;

/// One attempt to connect; a port that accepts and then says nothing must not hold us longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

impl TemporalArgs {
    /// Looks at what is configured without asking anybody; nothing configured is right too. For a service's start: what
    /// can never work is to be said there, and not when the first execution waits.
    ///
    /// # Errors
    /// For an address that is none, and a certificate or key that cannot be read or is no PEM.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.is_configured() {
            self.connection_options("")?;
        }
        Ok(())
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

    fn target(&self, tls: bool) -> anyhow::Result<Url> {
        let address = self.address();
        if address.is_empty() {
            bail!("no Temporal is configured: set TEMPORAL_ADDRESS to HOST:PORT");
        }
        let variable = self.address_of();
        // Not repeated: a password or a key may stand in it.
        anyhow::ensure!(
            !address.contains(['@', '?', '#']),
            "{variable} has a user or a query in it, which Temporal has no use for: it takes HOST:PORT"
        );
        let wrong = || format!("`{address}` is no address of Temporal: {variable} takes HOST:PORT");
        let url = match address.contains("://") {
            true => Url::parse(address),
            false => Url::parse(&format!(
                "{}://{address}",
                if tls { "https" } else { "http" }
            )),
        };
        let url = url.with_context(wrong)?;
        // A URL may leave out its scheme's port, which the parser leaves out in any case.
        let port = address.rsplit_once(':').map_or("", |(_, port)| port);
        let has_port = address.contains("://") || port.parse::<u16>().is_ok();
        let is_one = matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.port() != Some(0)
            && has_port;
        anyhow::ensure!(is_one, wrong());
        Ok(url)
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
            tls.server_root_ca_cert = Some(certificates(ca)?);
        }
        if let (Some(cert), Some(key)) = (cert, key) {
            tls.client_tls_options = Some(
                ClientTlsOptions::builder()
                    .client_cert(certificates(cert)?)
                    .client_private_key(private_key(key)?)
                    .build(),
            );
        }
        Ok(Some(tls))
    }
}

/// A file's certificates in PEM, of which there is one at least.
fn certificates(path: &Path) -> anyhow::Result<Vec<u8>> {
    let pem = read(path)?;
    let mut found = CertificateDer::pem_slice_iter(&pem).peekable();
    let wrong = || format!("{} is no PEM file with a certificate", path.display());
    anyhow::ensure!(found.peek().is_some(), wrong());
    for certificate in found {
        certificate.with_context(wrong)?;
    }
    Ok(pem)
}

/// A file's private key in PEM.
fn private_key(path: &Path) -> anyhow::Result<Vec<u8>> {
    let pem = read(path)?;
    // The reason is not told: it may repeat what was read.
    if PrivateKeyDer::from_pem_slice(&pem).is_err() {
        bail!("{} is no PEM file with a private key", path.display());
    }
    Ok(pem)
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
    fn what_is_no_address_is_refused_with_the_variable_that_it_is_from() {
        for bad in [
            "h:99999",
            "garbage",
            "host1",
            "[::1]",
            "::1:7233",
            "h:",
            "h:0",
            "ftp://h:1",
            "a b:1",
            "://",
            "http://",
        ] {
            let refused = parsed(&[&format!("--temporal-address={bad}")]).check();
            let refused = refused.unwrap_err().to_string();
            let told = format!("`{bad}` is no address of Temporal: TEMPORAL_ADDRESS takes");
            assert!(refused.starts_with(&told), "{refused}");
            let service = parsed(&[&format!("--temporal-service-address={bad}")]).check();
            let told = service.unwrap_err().to_string();
            assert!(told.contains("TEMPORAL_SERVICE_ADDRESS takes"), "{told}");
        }
        for hush in [
            "bob:hush@h:7233",
            "https://hush@h:7233",
            "https://h/?key=hush",
        ] {
            let refused = parsed(&[&format!("--temporal-address={hush}")]).check();
            let refused = format!("{:#}", refused.unwrap_err());
            assert!(!refused.contains("hush"), "{refused}");
        }
        for good in [
            "h:7233",
            "[::1]:7233",
            "127.0.0.1:80",
            "http://h",
            "https://h:1/",
        ] {
            let checked = parsed(&[&format!("--temporal-address={good}")]).check();
            assert!(checked.is_ok(), "{good}: {checked:?}");
        }
        assert!(parsed(&[]).check().is_ok());
    }

    #[test]
    fn a_file_of_tls_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            file.display().to_string()
        };
        let pem = |what: &str| format!("-----BEGIN {what}-----\naHVzaA==\n-----END {what}-----\n");
        let cert = file("cert", &pem("CERTIFICATE"));
        let key = file("key", &pem("PRIVATE KEY"));
        let junk = file("junk", "hush");
        let half = file(
            "half",
            &(pem("CERTIFICATE") + "-----BEGIN CERTIFICATE-----\n\u{1}\n"),
        );
        let said = |ca: &str, cert: &str, key: &str| {
            let args = [
                "--temporal-address=h:1".to_owned(),
                format!("--temporal-tls-ca={ca}"),
                format!("--temporal-tls-cert={cert}"),
                format!("--temporal-tls-key={key}"),
            ];
            let checked = parsed(&args.each_ref().map(String::as_str)).check();
            checked.map_err(|error| format!("{error:#}"))
        };
        assert_eq!(said(&cert, &cert, &key), Ok(()));
        for (files, bad, what) in [
            ([&junk, &cert, &key], &junk, "a certificate"),
            ([&half, &cert, &key], &half, "a certificate"),
            ([&key, &cert, &key], &key, "a certificate"),
            ([&cert, &junk, &key], &junk, "a certificate"),
            ([&cert, &cert, &junk], &junk, "a private key"),
            ([&cert, &cert, &cert], &cert, "a private key"),
        ] {
            let [ca, cert, key] = files;
            let refused = said(ca, cert, key).unwrap_err();
            let told = format!("{bad} is no PEM file with {what}");
            assert!(refused.starts_with(&told), "{refused}");
            assert!(!refused.contains("hush"), "{refused}");
        }
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
