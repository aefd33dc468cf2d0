//! Whom an answer comes from, for what is said of it when it does not.

use std::{fmt, sync::Arc, time::Duration};

use agent_tools::{Env, EnvVar};
use reqwest::Url;

use super::error::ModelError;

/// The model's address, and how long it may take.
#[derive(Clone)]
pub(super) struct Address {
    /// Without what may be secret in it.
    shown: String,
    /// Our own key, which some servers say again.
    key: Arc<Env>,
    /// The longest time without a byte.
    pub(super) silence: Duration,
    /// The longest time for a whole answer.
    pub(super) answer: Duration,
}

impl Address {
    pub(super) fn new(url: &Url, key: Option<&str>, silence: Duration, answer: Duration) -> Self {
        let secret = |key: &str| EnvVar {
            value: key.to_owned(),
            is_secret: true,
        };
        let key = key.map(|key| ("STIGMER_LLM_API_KEY".to_owned(), secret(key)));
        Self {
            key: Arc::new(key.into_iter().collect()),
            shown: service_kit::url::shown(url),
            silence,
            answer,
        }
    }

    /// Waits for the model, as long as it may be silent.
    pub(super) async fn patient<T>(
        &self,
        waiting: impl Future<Output = T>,
    ) -> Result<T, ModelError> {
        let waited = tokio::time::timeout(self.silence, waiting).await;
        waited.map_err(|_| self.silent())
    }

    pub(super) fn silent(&self) -> ModelError {
        let why = format!(
            "said nothing for {:?} (STIGMER_LLM_TIMEOUT_SECONDS of the runner)",
            self.silence
        );
        self.error("ModelSilent", why, true)
    }

    /// Asked again it would take as long.
    pub(super) fn too_long(&self) -> ModelError {
        let why = format!(
            "did not end its answer within {:?}: raise STIGMER_LLM_ANSWER_SECONDS of the runner, or \
             lower STIGMER_LLM_MAX_TOKENS",
            self.answer
        );
        self.error("ModelTooSlow", why, false)
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
            why: self.key.redact(&why),
            retryable,
            retry_after: None,
        }
    }
}
