//! From the settings to a connection.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use temporalio_client::{
    Client, ClientOptions, ClientTlsOptions, Connection, ConnectionOptions, GrpcCompression,
    TlsOptions,
    tonic::transport::{ClientTlsConfig, Endpoint, Identity},
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
    /// For an address that is none, a certificate or key that cannot be read or is no PEM, a key
    /// that is encrypted, and one that is not the certificate's.
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
        if let ("http", Some(wish)) = (url.scheme(), self.wish_for_tls()) {
            bail!(
                "`{address}` is without TLS, which {wish} asks for: {variable} takes https://HOST:PORT"
            );
        }
        Ok(url)
    }

    /// The variable that asks for TLS, beside the address.
    fn wish_for_tls(&self) -> Option<&'static str> {
        let wishes = [
            (self.tls, "TEMPORAL_TLS"),
            (self.api_key().is_some(), "TEMPORAL_API_KEY"),
            (named(&self.tls_ca).is_some(), "TEMPORAL_TLS_CA"),
            (named(&self.tls_cert).is_some(), "TEMPORAL_TLS_CERT"),
        ];
        let wish = wishes.into_iter().find(|(wished, _)| *wished);
        wish.map(|(_, variable)| variable)
    }

    fn tls_options(&self) -> anyhow::Result<Option<TlsOptions>> {
        let https = self.address().starts_with("https://");
        let [ca, cert, key] = [&self.tls_ca, &self.tls_cert, &self.tls_key].map(named);
        if !https && self.wish_for_tls().is_none() {
            return Ok(None);
        }
        let mut tls = TlsOptions::default();
        if let Some(ca) = ca {
            tls.server_root_ca_cert = Some(certificates(ca)?);
        }
        if let (Some(cert), Some(key)) = (cert, key) {
            tls.client_tls_options = Some(own_identity(cert, key)?);
        }
        Ok(Some(tls))
    }
}

/// A variable that is empty names no file.
fn named(path: &Option<PathBuf>) -> Option<&Path> {
    path.as_deref().filter(|path| !path.as_os_str().is_empty())
}

/// Our own certificate and its key.
fn own_identity(cert: &Path, key: &Path) -> anyhow::Result<ClientTlsOptions> {
    let (client_cert, client_private_key) = (certificates(cert)?, private_key(key)?);
    let identity = Identity::from_pem(&client_cert, &client_private_key);
    // As each attempt to connect will do it; nobody is asked, so it does not matter where to.
    Endpoint::from_static("https://localhost")
        .tls_config(ClientTlsConfig::new().identity(identity))
        .with_context(|| {
            let (cert, key) = (cert.display(), key.display());
            format!("the private key in {key} does not go with the certificate in {cert}")
        })?;
    Ok(ClientTlsOptions::builder()
        .client_cert(client_cert)
        .client_private_key(client_private_key)
        .build())
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
        let path = path.display();
        if is_encrypted(&pem) {
            bail!(
                "the private key in {path} is encrypted, and nobody is asked for its passphrase: \
                 decrypt it, as `openssl pkey -in {path} -out FILE` does"
            );
        }
        bail!("{path} is no PEM file with a private key");
    }
    Ok(pem)
}

/// Whether a PEM file has a key that is encrypted, in the way of PKCS #8 or in the older one.
fn is_encrypted(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    let mut lines = text.lines().map(str::trim_end);
    lines.any(|line| {
        line == "-----BEGIN ENCRYPTED PRIVATE KEY-----"
            || line.starts_with("Proc-Type:") && line.ends_with("ENCRYPTED")
    })
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
