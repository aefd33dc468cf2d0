//! HTTP as it suits servers of agents.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, Url, redirect::Policy};
use service_kit::{any_http_client, is_loopback};

use crate::error::ToolsError;

/// The ways to servers: this machine's own are never asked by way of a proxy, others as the system says.
pub(crate) struct Clients {
    near: Client,
    far: Client,
}

impl Clients {
    /// Asks nothing yet. `connect` is the longest wait for a connection.
    pub(crate) fn new(connect: Duration) -> Result<Self, ToolsError> {
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
            near: built(any_http_client().no_proxy())?,
            far: built(any_http_client())?,
        })
    }

    /// The way to an address.
    pub(crate) fn of(&self, url: &Url) -> &Client {
        if is_loopback(url.host_str().unwrap_or_default()) {
            &self.near
        } else {
            &self.far
        }
    }
}
