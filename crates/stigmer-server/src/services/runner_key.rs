//! The key by which the server knows its runner.

use std::sync::Arc;

use subtle::ConstantTimeEq;
use tonic::metadata::MetadataMap;

use crate::error::{Error, Result};

/// What a runner shows to be told secrets, and to report; without it nobody is told, and anybody may
/// report.
#[derive(Clone)]
pub(crate) struct RunnerKey(Option<Arc<str>>);

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// Has our key.
    Runner,
    /// Shows a key, and we have none to compare it with.
    Unknown,
    Other,
}

impl RunnerKey {
    /// An empty key counts as none.
    pub(crate) fn new(key: Option<&str>) -> Self {
        Self(key.filter(|key| !key.is_empty()).map(Arc::from))
    }

    pub(super) fn asker(&self, metadata: &MetadataMap) -> Asker {
        let header = metadata.get("authorization");
        let header = header.map(|h| h.as_bytes()).unwrap_or_default();
        let Some(shown) = header.strip_prefix(b"Bearer ") else {
            return Asker::Other;
        };
        match &self.0 {
            None => Asker::Unknown,
            Some(key) if bool::from(key.as_bytes().ct_eq(shown)) => Asker::Runner,
            Some(_) => Asker::Other,
        }
    }

    /// Refuses who reports and is not the runner; where there is no key, nobody can be told from it.
    pub(super) fn let_report(&self, metadata: &MetadataMap) -> Result<()> {
        if self.0.is_none() || self.asker(metadata) == Asker::Runner {
            return Ok(());
        }
        let why = "only a runner with this server's STIGMER_RUNNER_KEY may report on executions: start it \
                   with the same one";
        Err(Error::Denied(why.to_owned()))
    }
}
