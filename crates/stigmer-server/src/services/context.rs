use std::sync::Arc;

use stigmer_api::{
    apiresource::{ApiResourceDeleteInput, ApiResourceId, ApiResourceReference},
    executioncontext::{
        ExecutionContext,
        execution_context_command_controller_server::ExecutionContextCommandController,
        execution_context_query_controller_server::ExecutionContextQueryController,
    },
    secret::Secrets,
};
use subtle::ConstantTimeEq;
use tonic::{Request, Response, Status, async_trait, metadata::MetadataMap};

use super::reply::{Reply, write};
use crate::{
    error::Result,
    ops::{self, context},
    store::{Read, Store},
};

#[derive(Clone)]
pub(crate) struct ContextService {
    pub(crate) store: Store,
    pub(crate) runner: RunnerKey,
}

/// What a runner shows to be told secrets; without it nobody is.
#[derive(Clone)]
pub(crate) struct RunnerKey(Option<Arc<str>>);

/// Who asks for a context.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asker {
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

    fn asker(&self, metadata: &MetadataMap) -> Asker {
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
}

impl ContextService {
    fn tell<Q>(
        &self,
        request: &Request<Q>,
        f: impl FnOnce(&dyn Read) -> Result<ExecutionContext>,
    ) -> Reply<ExecutionContext> {
        let mut context = self.store.read(f)?;
        let asker = self.runner.asker(request.metadata());
        if asker == Asker::Unknown && context.variables().iter().any(|v| v.is_secret) {
            return Err(Status::failed_precondition(
                "this server has no STIGMER_RUNNER_KEY, so it tells no runner its secrets: start both with the same one",
            ));
        }
        if asker != Asker::Runner {
            context.redact();
        }
        Ok(Response::new(context))
    }
}

#[async_trait]
impl ExecutionContextCommandController for ContextService {
    /// A context does not change: one that is there already is refused.
    async fn apply(&self, request: Request<ExecutionContext>) -> Reply<ExecutionContext> {
        write(&self.store, request, context::create).await
    }

    async fn create(&self, request: Request<ExecutionContext>) -> Reply<ExecutionContext> {
        write(&self.store, request, context::create).await
    }

    async fn delete(&self, request: Request<ApiResourceDeleteInput>) -> Reply<ExecutionContext> {
        write(&self.store, request, |tx, input| {
            context::delete(tx, &input.resource_id)
        })
        .await
    }
}

#[async_trait]
impl ExecutionContextQueryController for ContextService {
    async fn get(&self, request: Request<ApiResourceId>) -> Reply<ExecutionContext> {
        self.tell(&request, |view| view.get(&request.get_ref().value))
    }

    async fn get_by_reference(
        &self,
        request: Request<ApiResourceReference>,
    ) -> Reply<ExecutionContext> {
        self.tell(&request, |view| ops::by_reference(view, request.get_ref()))
    }
}
