//! What members of a stack need of each other, as they see it.

use harness_base::Config;
use harness_provision::{GatewayMode, Model};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What later members need of earlier ones.
#[derive(Debug)]
pub struct Wiring {
    /// What a runner shows to be told secrets; `None` in phase 1.
    pub runner_key: Option<String>,
    /// What runners are told of the model.
    pub runner_model: RunnerModel,
    /// The model's address as this host sees it; `None` where there is none.
    pub upstream: Option<String>,
    /// What the gateway does with recordings.
    pub gateway_mode: GatewayMode,
    /// Longest answer in tokens.
    pub max_tokens: u32,
    /// Ports that somebody wants for shared services.
    pub ports: Ports,
    temporal: OnceLock<String>,
    asks_temporal: OnceLock<(PathBuf, String)>,
    led_upstream: OnceLock<String>,
    gateway: OnceLock<String>,
    server: OnceLock<String>,
    /// Names of private instances.
    next: AtomicUsize,
}

/// Ports that somebody wants for shared services, where it is not any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// The server's.
    pub server: Option<u16>,
    /// Temporal's.
    pub temporal: Option<u16>,
}

/// What runners ask for when an agent names no model, and the key that goes with it.
#[derive(Clone, Debug, Default)]
pub struct RunnerModel {
    /// The model's name.
    pub name: String,
    /// Secret.
    pub key: Option<String>,
}

impl RunnerModel {
    /// Of the live model. Where there is none it is the embedded one's name, which recorded conversations know too.
    pub fn of(model: Option<&Model>, config: &Config) -> Self {
        Self {
            name: model.map_or_else(|| config.model.embedded.clone(), |model| model.name.clone()),
            key: model.and_then(|model| model.key.clone()),
        }
    }
}

impl Wiring {
    /// Phase 1's: a server needs nobody.
    pub fn alone() -> Self {
        Self {
            runner_key: None,
            runner_model: RunnerModel::default(),
            upstream: None,
            gateway_mode: GatewayMode::Replay,
            max_tokens: 0,
            ports: Ports::default(),
            temporal: OnceLock::new(),
            asks_temporal: OnceLock::new(),
            led_upstream: OnceLock::new(),
            gateway: OnceLock::new(),
            server: OnceLock::new(),
            next: AtomicUsize::new(2),
        }
    }

    /// Phase 2's, with nothing up yet.
    pub fn whole(
        runner_key: String,
        runner_model: RunnerModel,
        gateway_mode: GatewayMode,
        max_tokens: u32,
    ) -> Self {
        Self {
            runner_key: Some(runner_key),
            runner_model,
            gateway_mode,
            max_tokens,
            ..Self::alone()
        }
    }

    /// The name of the next instance of a test's own.
    pub fn next_name(&self, service: &str) -> String {
        format!("{service}-{}", self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Tells where Temporal is: `HOST:PORT`.
    pub fn set_temporal(&self, address: &str) {
        // Each is told once, by whoever brings it up.
        let _ = self.temporal.set(address.to_owned());
    }

    /// Tells by which program it is asked, and where this host reaches it.
    pub fn set_asks_temporal(&self, cli: &Path, address: &str) {
        let _ = self.asks_temporal.set((cli.to_owned(), address.to_owned()));
    }

    /// Tells where the model is as containers see it.
    pub fn set_led_upstream(&self, url: &str) {
        let _ = self.led_upstream.set(url.to_owned());
    }

    /// The model's address as a gateway sees it, wherever it runs.
    pub fn seen_upstream(&self) -> Option<&str> {
        let led = self.led_upstream.get().map(String::as_str);
        led.or(self.upstream.as_deref())
    }

    /// The program by which Temporal is asked, and where this host reaches it.
    pub fn asks_temporal(&self) -> Option<(&Path, &str)> {
        let (cli, address) = self.asks_temporal.get()?;
        Some((cli, address))
    }

    /// Tells where the gateway is; ends in `/v1`.
    pub fn set_gateway(&self, url: &str) {
        let _ = self.gateway.set(url.to_owned());
    }

    /// Tells where the shared server is: `http://HOST:PORT`.
    pub fn set_server(&self, url: &str) {
        let _ = self.server.set(url.to_owned());
    }

    /// Temporal's `HOST:PORT`; `None` in phase 1.
    pub fn temporal(&self) -> Option<&str> {
        self.temporal.get().map(String::as_str)
    }

    /// The gateway's address, once it is ready.
    pub fn gateway(&self) -> Option<&str> {
        self.gateway.get().map(String::as_str)
    }

    /// The shared server's, once it is ready.
    pub fn server(&self) -> Option<&str> {
        self.server.get().map(String::as_str)
    }
}
