use stigmer_api::{
    apiresource::{ApiResourceDeleteInput, ApiResourceId, ApiResourceReference},
    executioncontext::{
        ExecutionContext,
        execution_context_command_controller_server::ExecutionContextCommandController,
        execution_context_query_controller_server::ExecutionContextQueryController,
    },
    secret::Secrets,
};
use tonic::{Request, Response, Status, async_trait};

use super::reply::{Reply, write, write_valid};
use super::runner_key::{Asker, RunnerKey};
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
        write_valid(&self.store, request, context::create).await
    }

    async fn create(&self, request: Request<ExecutionContext>) -> Reply<ExecutionContext> {
        write_valid(&self.store, request, context::create).await
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
