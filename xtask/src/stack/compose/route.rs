//! The model's address as containers see it.

use super::Containers;
use crate::process::Command;
use crate::stack::bins::Bins;
use crate::stack::native::Native;
use crate::stack::ready::Ready;
use crate::stack::services;

/// One on this host's loopback is led to by a process of ours, which listens on the run's bridge alone.
///
/// # Errors
/// As [`Native::start`].
pub async fn open(stack: &Native, containers: &Containers, base: &str) -> anyhow::Result<String> {
    let Some((start, port, rest)) = loopback(base) else {
        return Ok(base.to_owned());
    };
    let Some(bridge) = containers.host.address() else {
        return Ok(format!("{start}host.docker.internal:{port}{rest}"));
    };
    let (from, asked) = (stack.port()?, stack.port()?);
    let bin = Bins::new(&stack.config)?.gateway;
    let command = Command::new(&bin)
        .args(["relay", "--port", &asked.to_string()])
        .args([format!("--route={bridge}:{from}=127.0.0.1:{port}")]);
    let ready = Ready::Asked(services::address_health(
        &bin,
        &format!("127.0.0.1:{asked}"),
    ));
    let limit = stack.config.services.gateway.ready_limit();
    stack.start("route", command, ready, limit).await?;
    Ok(format!("{start}{bridge}:{from}{rest}"))
}

/// What is before, the port of, and what is after an address of this host's loopback.
fn loopback(url: &str) -> Option<(&str, u16, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (host, port) = authority
        .rsplit_once(':')
        .unwrap_or((authority, if scheme == "https" { "443" } else { "80" }));
    let here = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    here.then_some((&url[..scheme.len() + 3], port.parse().ok()?, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_host() {
        assert_eq!(
            loopback("http://127.0.0.1:5/v1"),
            Some(("http://", 5, "/v1"))
        );
        assert_eq!(
            loopback("http://localhost/v1"),
            Some(("http://", 80, "/v1"))
        );
        assert_eq!(loopback("https://api.example.org/v1"), None);
    }
}
