//! HTTP as it suits servers of agents.

use std::{net::IpAddr, time::Duration};

use reqwest::{Client, ClientBuilder, Url, redirect::Policy};

use crate::ToolsError;

/// The ways to servers: this machine's own are never asked by way of a proxy, others as the system says.
pub(crate) struct Clients {
    near: Client,
    far: Client,
}

impl Clients {
    /// Asks nothing yet. `connect` is the longest wait for a connection.
    pub(crate) fn new(connect: Duration) -> Result<Self, ToolsError> {
        // reqwest is built without a provider of its own; a second call finds the first one's.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let built = |builder: ClientBuilder| {
            builder
                .connect_timeout(connect)
                // A kept connection that the server closes meanwhile loses a call without a word about whether it was
                // read.
                .pool_max_idle_per_host(0)
                // A redirect would carry an agent's headers, with the secrets in them, to wherever it points.
                .redirect(Policy::none())
                .build()
                .map_err(|error| {
                    ToolsError::permanent(format!("no HTTP client can be made: {error}"))
                })
        };
        Ok(Self {
            near: built(Client::builder().no_proxy())?,
            far: built(Client::builder())?,
        })
    }

    /// The way to an address.
    pub(crate) fn of(&self, url: &Url) -> &Client {
        if is_loopback(url) {
            &self.near
        } else {
            &self.far
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse();
    match ip {
        Ok(ip) => IpAddr::to_canonical(&ip).is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_many_names() {
        for (host, loopback) in [
            ("127.0.0.1:8080", true),
            ("127.8.9.1", true),
            ("[::1]:80", true),
            ("[::ffff:127.0.0.1]", true),
            ("LocalHost", true),
            ("a.localhost", true),
            ("localhost.example", false),
            ("10.0.0.1", false),
            ("[fe80::1]", false),
            ("127.0.0.1.example", false),
        ] {
            let url = Url::parse(&format!("http://{host}/mcp")).unwrap();
            assert_eq!(is_loopback(&url), loopback, "{host}");
        }
    }
}
