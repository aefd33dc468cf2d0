//! Whom an answer comes from, for what is said of it when it does not.

use std::{fmt, time::Duration};

use reqwest::Url;

use super::error::ModelError;

/// The model's address, and how long it may be silent.
#[derive(Clone)]
pub(super) struct Address {
    /// Without what may be secret in it.
    shown: String,
    silence: Duration,
}

impl Address {
    pub(super) fn new(url: &Url, silence: Duration) -> Self {
        Self {
            shown: service_kit::url::shown(url),
            silence,
        }
    }

    /// Waits for the model, as long as it may be silent.
    pub(super) async fn patient<T>(
        &self,
        waiting: impl Future<Output = T>,
    ) -> Result<T, ModelError> {
        let waited = tokio::time::timeout(self.silence, waiting).await;
        let why = || format!("said nothing for {:?}", self.silence);
        waited.map_err(|_| self.error("ModelSilent", why(), true))
    }

    pub(super) fn error(
        &self,
        kind: &'static str,
        why: impl fmt::Display,
        retryable: bool,
    ) -> ModelError {
        let why = format!("the model at {} {why}", self.shown);
        ModelError {
            kind,
            why,
            retryable,
            retry_after: None,
        }
    }
}
