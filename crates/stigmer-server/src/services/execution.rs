use std::{pin::Pin, sync::Arc};

use futures::{Stream, StreamExt, stream};
use stigmer_api::{
    agentexecution::{
        AgentExecution, AgentExecutionId, AgentExecutionList, AgentExecutionStatus,
        AgentExecutionUpdateStatusInput, ExecutionPhase, ListAgentExecutionsBySessionRequest,
        ListAgentExecutionsRequest,
        agent_execution_command_controller_server::AgentExecutionCommandController,
        agent_execution_query_controller_server::AgentExecutionQueryController,
    },
    apiresource::ApiResourceId,
    limits,
    resource::Resource,
    session::Session,
    trace::{self, TRACEPARENT, TraceContext},
    validate::Validate,
};
use tonic::{Request, Response, Status, async_trait};

use super::reply::{Reply, list, page, read, write, write_valid};
use super::runner_key::RunnerKey;
use crate::{
    error::{Error, Result},
    hub,
    ops::{Report, execution as ops},
    outbox::Outbox,
    store::{Keep, Page, Store, Wanted, told},
};

#[derive(Clone)]
pub(crate) struct ExecutionService {
    pub(crate) store: Store,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) runner: RunnerKey,
}

/// Keeps with an execution what its creation is part of.
fn keep_trace(request: &mut Request<AgentExecution>) {
    let told = request.metadata().get(TRACEPARENT);
    let told = told.and_then(|it| trace::parent(it.to_str().ok()?));
    let Some(traceparent) = told.map(str::to_owned) else {
        return;
    };
    let metadata = request.get_mut().metadata.as_mut();
    let annotations = metadata.map(|it| &mut it.annotations);
    // What its client may send is not refused for what we add.
    if let Some(annotations) = annotations.filter(|it| it.len() < limits::LABELS) {
        annotations
            .entry(trace::ANNOTATION.to_owned())
            .or_insert(traceparent);
    }
}

#[async_trait]
impl AgentExecutionCommandController for ExecutionService {
    async fn create(&self, mut request: Request<AgentExecution>) -> Reply<AgentExecution> {
        keep_trace(&mut request);
        let waiting = self.outbox.waiting();
        let reply = write_valid(&self.store, request, move |tx, execution| {
            ops::create(tx, execution, &waiting)
        })
        .await;
        self.outbox.wake();
        if let Ok(created) = &reply {
            let created = created.get_ref();
            let trace = TraceContext::of_execution(created).map(|it| it.trace.to_string());
            tracing::info!(execution = created.id(), trace, "created");
        }
        reply
    }

    async fn update(&self, request: Request<AgentExecution>) -> Reply<AgentExecution> {
        let labels = request.get_ref().validate_labels();
        labels.map_err(Error::from)?;
        write(&self.store, request, ops::update).await
    }

    async fn update_status(
        &self,
        request: Request<AgentExecutionUpdateStatusInput>,
    ) -> Reply<AgentExecution> {
        self.runner.let_report(request.metadata())?;
        let report = request.into_inner();
        let phase = report
            .status
            .as_ref()
            .map_or_else(Default::default, AgentExecutionStatus::phase);
        let id = report.execution_id.clone();
        let report = Report::new(report)?;
        let reply = write(&self.store, Request::new(report), ops::update_status).await;
        match &reply {
            Ok(_) if phase.is_terminal() => {
                tracing::info!(execution = id, phase = phase.word(), "reported");
            }
            Ok(_) => {}
            Err(refused) => tracing::warn!(
                execution = id,
                phase = phase.word(),
                "refused: {}",
                refused.message()
            ),
        }
        reply
    }

    async fn delete(&self, request: Request<ApiResourceId>) -> Reply<AgentExecution> {
        write(&self.store, request, |tx, id| ops::delete(tx, &id.value)).await
    }

    async fn cancel(&self, request: Request<AgentExecutionId>) -> Reply<AgentExecution> {
        let temporal = self.outbox.has_temporal();
        let reply = write(&self.store, request, move |tx, id| {
            ops::cancel(tx, &id.value, temporal)
        })
        .await;
        self.outbox.wake();
        reply
    }
}

#[async_trait]
impl AgentExecutionQueryController for ExecutionService {
    async fn get(&self, request: Request<AgentExecutionId>) -> Reply<AgentExecution> {
        read(&self.store, |view| view.get(&request.get_ref().value))
    }

    async fn list(
        &self,
        request: Request<ListAgentExecutionsRequest>,
    ) -> Reply<AgentExecutionList> {
        let request = request.into_inner();
        let phase = ExecutionPhase::try_from(request.phase).map_err(|_| {
            let number = request.phase;
            Error::invalid("phase", format!("{number} is none that the contract knows"))
        })?;
        let ListAgentExecutionsRequest {
            page_size: size,
            page_token: token,
            tags,
            ..
        } = request;
        let keep = Keep {
            phase,
            tags,
            ..Keep::default()
        };
        answer(page(&self.store, Wanted { size, token }, keep).await?)
    }

    async fn list_by_session(
        &self,
        request: Request<ListAgentExecutionsBySessionRequest>,
    ) -> Reply<AgentExecutionList> {
        let ListAgentExecutionsBySessionRequest {
            session_id,
            page_size: size,
            page_token: token,
        } = request.into_inner();
        let of_session = list(&self.store, move |store| {
            store.read(|view| view.named_by::<Session>("session_id", &session_id))?;
            store.page_of_children(Wanted { size, token }, &[session_id])
        });
        answer(of_session.await?)
    }

    type subscribeStream = Pin<Box<dyn Stream<Item = Result<AgentExecution, Status>> + Send>>;

    async fn subscribe(&self, request: Request<AgentExecutionId>) -> Reply<Self::subscribeStream> {
        let id = request.into_inner().value;
        let subscribe = move |tx: &mut crate::store::Tx<'_>| {
            let present = told(tx.view().get::<AgentExecution>(&id)?);
            let (event, updates) = hub::subscription(present);
            event.into_iter().for_each(|event| tx.publish(event));
            Ok(updates)
        };
        let updates = self.store.write(subscribe).await?;
        let updates = stream::unfold(updates, |mut updates| async {
            updates.recv().await.map(|update| (update, updates))
        });
        Ok(Response::new(Box::pin(
            updates.map(|u| u.map(Arc::unwrap_or_clone)),
        )))
    }
}

fn answer(page: Page<AgentExecution>) -> Reply<AgentExecutionList> {
    Ok(Response::new(AgentExecutionList {
        total_pages: page.total_pages,
        entries: page.entries,
        next_page_token: page.next,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACEPARENT_TOLD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    /// The annotations of an execution that is created with so many, as part of a trace.
    fn annotations(count: usize, own: Option<&str>) -> Vec<(String, String)> {
        let mut execution = AgentExecution::default();
        let annotations = &mut execution.metadata_mut().annotations;
        annotations.extend((0..count).map(|i| (i.to_string(), String::new())));
        annotations.extend(own.map(|own| (trace::ANNOTATION.to_owned(), own.to_owned())));
        let mut request = Request::new(execution);
        let told = TRACEPARENT_TOLD.parse().ok();
        told.and_then(|told| request.metadata_mut().insert(TRACEPARENT, told));
        keep_trace(&mut request);
        let metadata = request.into_inner().metadata.unwrap_or_default();
        metadata.annotations.into_iter().collect()
    }

    #[test]
    fn a_trace_is_kept_where_there_is_room_and_none_is_named() {
        let kept = (trace::ANNOTATION.to_owned(), TRACEPARENT_TOLD.to_owned());
        assert_eq!(annotations(0, None), std::slice::from_ref(&kept));
        assert!(annotations(limits::LABELS - 1, None).contains(&kept));
        assert_eq!(annotations(limits::LABELS, None).len(), limits::LABELS);
        let own = (trace::ANNOTATION.to_owned(), "its own".to_owned());
        assert_eq!(annotations(0, Some("its own")), [own]);
    }
}
