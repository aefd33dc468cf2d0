//! What members of a stack need of each other.

use super::bins::Bins;
use crate::config::Config;
use crate::model::Model;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::OnceCell;

/// What later members need of earlier ones.
#[derive(Debug)]
pub struct Parts {
    /// Binaries.
    pub bins: Bins,
    /// Temporal's `HOST:PORT`; `None` in phase 1.
    pub temporal: Option<String>,
    /// What a runner shows to be told secrets; `None` in phase 1.
    pub runner_key: Option<String>,
    /// What runners are told of the model.
    pub asked: Asked,
    /// The gateway's address, which ends in `/v1`, once it is ready.
    pub gateway: OnceCell<String>,
    /// The shared server's `http://HOST:PORT`, once it is ready.
    server: Mutex<Option<String>>,
    /// Names of private instances.
    next: AtomicUsize,
}

/// What runners ask for when an agent names no model, and the key that goes with it.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The model's name.
    pub name: String,
    /// Secret.
    pub key: Option<String>,
}

impl Asked {
    /// Of the live model. Where there is none it is the embedded one's name, which recorded conversations know too.
    pub fn of(model: Option<&Model>, config: &Config) -> Self {
        Self {
            name: model.map_or_else(|| config.model.embedded.clone(), |model| model.name.clone()),
            key: model.and_then(|model| model.key.clone()),
        }
    }
}

impl Parts {
    /// Phase 1's: a server needs nobody.
    pub fn alone(bins: Bins) -> Self {
        Self {
            bins,
            temporal: None,
            runner_key: None,
            asked: Asked::default(),
            gateway: OnceCell::new(),
            server: Mutex::new(None),
            next: AtomicUsize::new(2),
        }
    }

    /// Phase 2's, with nothing up yet.
    pub fn whole(
        bins: Bins,
        temporal: Option<String>,
        runner_key: Option<String>,
        asked: Asked,
    ) -> Self {
        Self {
            temporal,
            runner_key,
            asked,
            ..Self::alone(bins)
        }
    }

    /// The name of the next private instance.
    pub fn next_name(&self, service: &str) -> String {
        format!("{service}-{}", self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Tells private runners where the shared server is.
    pub fn share(&self, server: &str) {
        if let Ok(mut shared) = self.server.lock() {
            *shared = Some(server.to_owned());
        }
    }

    /// The shared server.
    pub fn shared_server(&self) -> Option<String> {
        self.server.lock().ok()?.clone()
    }
}
