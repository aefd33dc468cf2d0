//! What a registry says when it gives or takes nothing, and what mends it.

use crate::engine;
use crate::exit::{Code, code_of, coded};

/// Why a transfer failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The registry answers, and does not have it.
    Absent,
    /// It answers, and wants to know who asks.
    Denied,
    /// It speaks without TLS, and Docker refuses that.
    Plain,
    /// It does not answer, or breaks off: the one trouble that may pass by itself.
    Unreachable,
}

/// Which one it is, by the words of Docker and of registries.
pub fn trouble(said: &str) -> Trouble {
    let lower = said.to_lowercase();
    let has = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
    if has(&["http response to https"]) {
        Trouble::Plain
    } else if has(&[
        "manifest unknown",
        "not found",
        "does not exist",
        "name unknown",
    ]) && !has(&["no such host"])
    {
        Trouble::Absent
    } else if has(&[
        "unauthorized",
        "no basic auth",
        "authentication required",
        "denied",
    ]) {
        Trouble::Denied
    } else {
        Trouble::Unreachable
    }
}

/// The registry in a reference.
pub fn host(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}

/// What a person hears of it.
pub fn message(verb: &str, reference: &str, said: &str) -> anyhow::Error {
    let error = engine::explain(said, Code::Image, &format!("docker {verb} {reference}"));
    let host = host(reference);
    if code_of(&error) != Code::Image || error.to_string().contains("mend: ") {
        return error;
    }
    let mend = match trouble(said) {
        Trouble::Absent if reference.contains('@') => {
            "is its digest in e2e.toml right, and of this architecture?".into()
        }
        Trouble::Absent => "cargo xtask images builds it; push sends it there".into(),
        Trouble::Denied => format!("docker login {host}"),
        Trouble::Plain => format!(
            "give {host} a certificate, or name it under insecure-registries in Docker's daemon.json"
        ),
        Trouble::Unreachable if reference.contains('@') => {
            format!("is {host} reachable from Docker's daemon? e2e.toml may name a mirror")
        }
        Trouble::Unreachable => format!(
            "is {host} right (--registry, images.registry), and reachable from Docker's daemon?"
        ),
    };
    coded(Code::Image, format!("{error}\n  mend: {mend}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles() {
        let cases = [
            (
                "Error response from daemon: manifest for h:1/x:1 not found: manifest unknown: manifest unknown",
                Trouble::Absent,
            ),
            (
                "Error response from daemon: pull access denied for stigmer-e2e/x, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
                Trouble::Absent,
            ),
            (
                "Error response from daemon: Head \"https://r/v2/x/manifests/1\": no basic auth credentials",
                Trouble::Denied,
            ),
            ("unauthorized: authentication required", Trouble::Denied),
            (
                "Error response from daemon: Get \"https://r:1/v2/\": http: server gave HTTP response to HTTPS client",
                Trouble::Plain,
            ),
            (
                "Error response from daemon: Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
                Trouble::Unreachable,
            ),
            (
                "Error response from daemon: Get \"https://r.example/v2/\": dial tcp: lookup r.example: no such host",
                Trouble::Unreachable,
            ),
        ];
        for (said, expected) in cases {
            assert_eq!(trouble(said), expected, "{said}");
            let text = message("pull", "r.example/a:1", said).to_string();
            assert!(text.contains("\n  mend: "), "{text}");
        }
        let denied = message("push", "r.example/a:1", "unauthorized: no").to_string();
        assert!(denied.contains("mend: docker login r.example"), "{denied}");
    }

    #[test]
    fn hosts() {
        for (reference, expected) in [
            ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000"),
            ("localhost/a", "localhost"),
            ("team/a:1", "docker.io"),
            ("rust:1", "docker.io"),
        ] {
            assert_eq!(host(reference), expected);
        }
    }
}
