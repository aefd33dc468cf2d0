//! The model's address as containers see it.

use super::containers::Containers;
use super::host_proxy::HOST_NAME;
use crate::member::{Launch, Owner};
use crate::ready::Ready;
use crate::stack::Stack;
use harness_base::{Command, Inherit, this_program};

/// One on this host's loopback is led to by a process of ours, which listens on the run's bridge alone and outlives `up`.
///
/// # Errors
/// As [`Stack::start`].
pub(super) async fn open(
    stack: &Stack,
    containers: &Containers,
    base: &str,
) -> anyhow::Result<String> {
    let Some((start, host, port, rest)) = loopback(base) else {
        return Ok(base.to_owned());
    };
    let Some((bridge, prefix)) = containers.host.bridge() else {
        return Ok(format!("{start}{HOST_NAME}:{port}{rest}"));
    };
    let from = format!("{bridge}:{}", stack.port()?);
    let announce = stack.dir.join("data/route.address");
    let command = Command::new(this_program()?)
        .args(["relay", &from, &format!("{host}:{port}")])
        .args(["--peers".to_owned(), format!("{bridge}/{prefix}")])
        .env("STIGMER_ANNOUNCE_FILE", announce.to_string_lossy())
        .inherit(Inherit::System);
    let limit = stack.context.config.services.gateway.ready_limit();
    let launch = Launch {
        command,
        ready: Ready::Written(announce),
        limit,
        described: None,
    };
    stack.start("route", Owner::Shared, launch).await?;
    Ok(format!("{start}{from}{rest}"))
}

/// What is before, the host of, the port of, and what is after an address of this host's loopback.
fn loopback(url: &str) -> Option<(&str, &str, u16, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (host, port) = match authority.rsplit_once(':') {
        // `[::1]` has its last colon inside.
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, if scheme == "https" { "443" } else { "80" }),
    };
    let here = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    here.then_some((&url[..scheme.len() + 3], host, port.parse().ok()?, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_host() {
        for (url, start, host, port) in [
            ("http://127.0.0.1:5/v1", "http://", "127.0.0.1", 5),
            ("http://localhost/v1", "http://", "localhost", 80),
            ("https://localhost/v1", "https://", "localhost", 443),
            ("http://[::1]:5/v1", "http://", "[::1]", 5),
            ("http://[::1]/v1", "http://", "[::1]", 80),
        ] {
            assert_eq!(loopback(url), Some((start, host, port, "/v1")), "{url}");
        }
        assert_eq!(loopback("https://api.example.org/v1"), None);
    }
}
