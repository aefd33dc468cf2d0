//! A model behind TLS, and the authorities by which its certificate is believed.

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    sync::Arc,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::{models, start_with};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/tls");

/// A model with a certificate for `localhost`, that has no models; its port.
fn model() -> u16 {
    let file = |name| Path::new(FOLDER).join(name);
    let certificate = CertificateDer::from_pem_file(file("localhost.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("localhost.key")).unwrap();
    let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let (listener, tls) = (TcpListener::bind("127.0.0.1:0").unwrap(), Arc::new(tls));
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(tls.clone()).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            // Who does not believe us ends it here.
            if stream.read(&mut [0; 4096]).is_ok() {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]";
                stream.write_all(answer).unwrap();
                stream.conn.send_close_notify();
                stream.flush().unwrap();
            }
        }
    });
    port
}

/// What comes of asking a model at `host`, where the machine's authorities are those of `file`.
fn asked(host: &str, file: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let upstream = format!("{host}/v1");
    let authorities = [("SSL_CERT_FILE", file), ("SSL_CERT_DIR", "")];
    let args = ["serve", "--upstream", &upstream];
    let (_gateway, address) = start_with(&args, &authorities, dir.path());
    models(&address)
}

#[test]
fn a_certificate_is_believed_by_the_authorities_of_the_machine() {
    let host = format!("https://localhost:{}", model());
    let known = asked(&host, &format!("{FOLDER}/authority.pem"));
    assert!(known.ends_with("[]"), "{known}");
    // One that signed nothing here: the server's own certificate.
    let unknown = asked(&host, &format!("{FOLDER}/localhost.pem"));
    assert!(unknown.contains(" 502 "), "{unknown}");
    assert!(unknown.contains("UnknownIssuer"), "{unknown}");
    let another = host.replace("localhost", "127.0.0.1");
    let another = asked(&another, &format!("{FOLDER}/authority.pem"));
    assert!(another.contains("not valid for name"), "{another}");
}

#[test]
fn without_authorities_only_what_has_a_certificate_is_not_reached() {
    let host = format!("https://localhost:{}", model());
    let without = asked(&host, "/dev/null");
    assert!(without.contains("No CA certificates"), "{without}");
    let (plain, _asked) = super::answering();
    let plain = asked(&format!("http://{plain}"), "/dev/null");
    assert!(plain.ends_with("[]"), "{plain}");
}
