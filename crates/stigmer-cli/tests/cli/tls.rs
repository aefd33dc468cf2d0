//! A server behind TLS, and the authorities by which its certificate is believed.

use tonic::transport::{Identity, Server, ServerTlsConfig};

use super::{
    fake::{World, agent, serve_by},
    *,
};

/// The certificates of the gateway's tests; the server's is for `localhost`.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../model-gateway/testdata/tls");

#[tokio::test]
async fn a_certificate_is_believed_by_the_authorities_of_the_machine_or_said_not_to_be() {
    let pem = |name: &str| fs::read(format!("{FOLDER}/{name}")).unwrap();
    let identity = Identity::from_pem(pem("localhost.pem"), pem("localhost.key"));
    let tls = ServerTlsConfig::new().identity(identity);
    let server = Server::builder().tls_config(tls).unwrap();
    let world = World {
        agents: vec![agent("one")],
        ..World::default()
    };
    let (_fake, address) = serve_by(server, world).await;
    let server = format!("https://{}", address.replace("127.0.0.1", "localhost"));
    let folder = tempfile::tempdir().unwrap();
    let to_do = "SSL_CERT_FILE names a file with its authority; else start it";
    for (authority, exit, told) in [
        ("authority.pem", "exit 0\n", "one "),
        // One that signed nothing here: the server's own certificate.
        ("localhost.pem", "exit 4\n", to_do),
    ] {
        let mut command = stigmer(folder.path(), &server, &["get", "agents"]);
        command.env("SSL_CERT_FILE", format!("{FOLDER}/{authority}"));
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        let text = shown(&output.await.unwrap());
        assert!(text.starts_with(exit) && text.contains(told), "{text}");
    }
}
