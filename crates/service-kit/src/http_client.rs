//! HTTP as every service asks others by it.

use std::sync::{Arc, LazyLock, OnceLock};

use reqwest::{Client, ClientBuilder};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use rustls_platform_verifier::Verifier;
use url::Url;

use crate::loopback::is_loopback;

/// One configuration for all clients of a process.
static TLS: LazyLock<Result<ClientConfig, Error>> = LazyLock::new(|| {
    let provider = Arc::new(ring::default_provider());
    let authorities = Arc::new(Authorities {
        provider: provider.clone(),
        read: OnceLock::new(),
    });
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous() // as rustls calls any verifier that it did not make itself
        .with_custom_certificate_verifier(authorities)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
});

/// A client of `address` alone: this machine's own addresses are never asked by way of a proxy, whatever the environment
/// says.
pub fn http_client(address: &Url) -> ClientBuilder {
    direct(any_http_client(), address)
}

fn direct(builder: ClientBuilder, address: &Url) -> ClientBuilder {
    match is_loopback(address.host_str().unwrap_or_default()) {
        true => builder.no_proxy(),
        false => builder,
    }
}

/// A client of any address, by way of a proxy where the environment says so.
pub fn any_http_client() -> ClientBuilder {
    match &*TLS {
        Ok(tls) => Client::builder().tls_backend_preconfigured(tls.clone()),
        // What is no configuration makes `build` fail.
        Err(why) => Client::builder().tls_backend_preconfigured(why.clone()),
    }
}

/// The machine's certificate authorities, read for the first server that shows a certificate: that takes a hundredth of a
/// second, and whoever is asked by plain HTTP alone needs none to be there.
#[derive(Debug)]
struct Authorities {
    provider: Arc<CryptoProvider>,
    read: OnceLock<Result<Verifier, Error>>,
}

impl Authorities {
    fn verifier(&self) -> Result<&Verifier, Error> {
        let read = || Verifier::new(self.provider.clone());
        self.read.get_or_init(read).as_ref().map_err(Error::clone)
    }
}

impl ServerCertVerifier for Authorities {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verifier = self.verifier()?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    #[tokio::test]
    async fn this_machine_is_asked_without_a_proxy() {
        let proxied = |url: &str| {
            let dead = reqwest::Proxy::all("http://127.0.0.1:1").unwrap();
            let builder = any_http_client().proxy(dead);
            direct(builder, &Url::parse(url).unwrap()).build().unwrap()
        };
        for host in ["127.0.0.1", "localhost"] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{host}:{}/", listener.local_addr().unwrap().port());
            let serving = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 1024]).await.unwrap();
                let hi = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
                stream.write_all(hi).await.unwrap();
            });
            let answer = proxied(&url).get(&url).send().await.unwrap();
            assert_eq!(answer.text().await.unwrap(), "hi", "{host}");
            serving.await.unwrap();
        }
        let other = "http://model.example/";
        let refused = proxied(other).get(other).send().await.unwrap_err();
        assert!(
            format!("{refused:?}").contains("127.0.0.1:1"),
            "{refused:?}"
        );
        assert!(refused.is_connect(), "{refused:?}");
    }
}
