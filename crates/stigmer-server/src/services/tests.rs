//! What was stored before there were limits.

use std::sync::Arc;

use futures::StreamExt;
use prost::Message;
use stigmer_api::{
    MAX_MESSAGE,
    agent::{
        Agent, AgentId, ListAgentsRequest, agent_command_controller_server::AgentCommandController,
        agent_query_controller_server::AgentQueryController,
    },
    agentexecution::{
        AgentExecution, AgentExecutionId, AgentExecutionStatus, AgentExecutionUpdateStatusInput,
        AgentMessage, ExecutionPhase as Phase, ListAgentExecutionsBySessionRequest,
        ListAgentExecutionsRequest, ToolCall,
        agent_execution_command_controller_server::AgentExecutionCommandController,
        agent_execution_query_controller_server::AgentExecutionQueryController,
    },
    apiresource::ApiResourceId,
    limits,
    resource::{Resource, SHORTENED},
};
use temporal_link::TemporalArgs;
use tonic::Request;

use super::{agent::AgentService, execution::ExecutionService, runner_key::RunnerKey};
use crate::{
    hub::Hub,
    ops::{self, Valid},
    outbox::Outbox,
    store::Store,
};

struct Served {
    agents: AgentService,
    executions: ExecutionService,
    agent: Agent,
    _folder: tempfile::TempDir,
}

fn no_temporal() -> TemporalArgs {
    TemporalArgs {
        address: None,
        service_address: None,
        namespace: "default".to_owned(),
        task_queue: "queue".to_owned(),
        tls: false,
        tls_ca: None,
        tls_cert: None,
        tls_key: None,
        api_key: None,
    }
}

async fn served() -> Served {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let hub = Arc::new(Hub::default());
    let store = Store::open(&path, &path.with_extension("key"), hub).unwrap();
    let mut agent = Agent::default();
    agent.set_envelope();
    agent.metadata_mut().name = "plain".to_owned();
    agent.metadata_mut().owner_scope = 2;
    agent.spec.get_or_insert_default().instructions = "Do what is right.".to_owned();
    let created = store.write(|tx| ops::agent::create(tx, Valid::new(agent)?));
    Served {
        agent: created.await.unwrap(),
        agents: AgentService(store.clone()),
        executions: ExecutionService {
            store,
            outbox: Arc::new(Outbox::new(no_temporal())),
            runner: RunnerKey::new(None),
        },
        _folder: folder,
    }
}

impl Served {
    async fn execution(&self) -> AgentExecution {
        let mut execution = AgentExecution::default();
        execution.set_envelope();
        execution.metadata_mut().name = "execution".to_owned();
        let spec = execution.spec.get_or_insert_default();
        spec.agent_id = self.agent.id().to_owned();
        spec.message = "hello".to_owned();
        let created = self.executions.create(Request::new(execution)).await;
        created.unwrap().into_inner()
    }

    /// Makes an execution what a server of before took.
    async fn as_of_before(&self, messages: Vec<AgentMessage>) -> AgentExecution {
        let mut execution = self.execution().await;
        execution.status.get_or_insert_default().messages = messages;
        let mut stored = execution.clone();
        let store = &self.executions.store;
        let written = store.write(move |tx| tx.put_unchecked(&mut stored)).await;
        written.unwrap();
        execution
    }
}

/// Two messages that no message could hold.
fn too_large() -> Vec<AgentMessage> {
    let long = AgentMessage {
        content: "x".repeat(MAX_MESSAGE / 2),
        ..Default::default()
    };
    vec![long; 2]
}

fn is_short(execution: &AgentExecution, whole: &AgentExecution) {
    assert!(execution.encoded_len() < 10_000);
    assert_eq!(execution.id(), whole.id());
    assert_eq!(execution.phase(), whole.phase());
    let spec = execution.spec.clone().unwrap_or_default();
    assert_eq!(spec.message, "hello");
    let status = execution.status.clone().unwrap_or_default();
    assert!(status.warnings[0].contains("not all of it"), "{status:?}");
    let annotations = &execution.metadata().unwrap().annotations;
    assert!(annotations[SHORTENED].contains("bytes"), "{annotations:?}");
}

#[tokio::test]
async fn an_execution_from_before_the_limits_is_told_shortened_and_spoils_no_list() {
    let served = served().await;
    let before = served.execution().await;
    let large = served.as_of_before(too_large()).await;
    let after = served.execution().await;
    let request = ListAgentExecutionsRequest::default();
    let listed = served.executions.list(Request::new(request)).await.unwrap();
    let mut listed = listed.into_inner();
    let mut token = listed.next_page_token.clone();
    while !token.is_empty() {
        let request = ListAgentExecutionsRequest {
            page_token: token,
            ..Default::default()
        };
        let more = served.executions.list(Request::new(request)).await.unwrap();
        let more = more.into_inner();
        listed.entries.extend(more.entries);
        token = more.next_page_token;
    }
    let ids: Vec<&str> = listed.entries.iter().map(|e| e.id()).collect();
    assert_eq!(ids, [after.id(), large.id(), before.id()]);
    is_short(&listed.entries[1], &large);
    let request = ListAgentExecutionsBySessionRequest {
        session_id: large.spec.clone().unwrap_or_default().session_id,
        ..Default::default()
    };
    let of_session = served
        .executions
        .list_by_session(Request::new(request))
        .await;
    is_short(&of_session.unwrap().into_inner().entries[0], &large);
    let id = || {
        let value = large.id().to_owned();
        Request::new(AgentExecutionId { value })
    };
    let got = served.executions.get(id()).await.unwrap().into_inner();
    is_short(&got, &large);
    let stream = served.executions.subscribe(id()).await.unwrap();
    let mut stream = stream.into_inner();
    is_short(&stream.next().await.unwrap().unwrap(), &large);
    // It can end, and be deleted.
    let end = AgentExecutionUpdateStatusInput {
        execution_id: large.id().to_owned(),
        status: Some(AgentExecutionStatus {
            phase: Phase::ExecutionFailed.into(),
            error: "x".repeat(5_000),
            ..Default::default()
        }),
    };
    let ended = served.executions.update_status(Request::new(end)).await;
    let ended = ended.unwrap().into_inner();
    assert_eq!(ended.phase(), Phase::ExecutionFailed);
    let status = ended.status.clone().unwrap_or_default();
    assert!(status.error.len() < 1_100, "{}", status.error.len());
    is_short(&stream.next().await.unwrap().unwrap(), &ended);
    let value = large.id().to_owned();
    let deleted = served
        .executions
        .delete(Request::new(ApiResourceId { value }));
    is_short(&deleted.await.unwrap().into_inner(), &ended);
}

#[tokio::test]
async fn so_is_one_with_too_many_entries() {
    let served = served().await;
    let message = AgentMessage {
        tool_calls: vec![ToolCall::default(); 480_000],
        ..Default::default()
    };
    let large = served.as_of_before(vec![message]).await;
    let after = served.execution().await;
    let request = ListAgentExecutionsRequest {
        page_token: after.id().to_owned(),
        ..Default::default()
    };
    let listed = served.executions.list(Request::new(request)).await.unwrap();
    is_short(&listed.into_inner().entries[0], &large);
    // Today it would not be stored: few enough of each kind are too many together.
    let message = AgentMessage {
        tool_calls: vec![ToolCall::default(); limits::REPORTED],
        ..Default::default()
    };
    let report = AgentExecutionUpdateStatusInput {
        execution_id: after.id().to_owned(),
        status: Some(AgentExecutionStatus {
            messages: vec![message; 48],
            ..Default::default()
        }),
    };
    let told = served.executions.update_status(Request::new(report)).await;
    let why = told.unwrap_err();
    assert_eq!(why.code(), tonic::Code::InvalidArgument);
    assert!(why.message().contains("too many entries"), "{why:?}");
}

#[tokio::test]
async fn an_update_has_so_many_labels_and_no_more() {
    let served = served().await;
    let mut execution = served.execution().await;
    for (count, taken) in [(limits::LABELS, true), (limits::LABELS + 1, false)] {
        execution.metadata_mut().tags = vec!["a".to_owned(); count];
        let updated = served.executions.update(Request::new(execution.clone()));
        assert_eq!(updated.await.is_ok(), taken, "{count}");
    }
}

#[tokio::test]
async fn what_is_too_large_from_before_does_not_grow() {
    let served = served().await;
    let large = served.as_of_before(too_large()).await;
    for (bytes, taken) in [(1_000, true), (100_000, false)] {
        let report = AgentExecutionUpdateStatusInput {
            execution_id: large.id().to_owned(),
            status: Some(AgentExecutionStatus {
                error: "x".repeat(bytes),
                ..Default::default()
            }),
        };
        let told = served.executions.update_status(Request::new(report)).await;
        assert_eq!(told.is_ok(), taken, "{bytes}: {told:?}");
    }
}

#[tokio::test]
async fn so_is_an_agent() {
    let served = served().await;
    let mut stored = served.agent.clone();
    stored.spec.get_or_insert_default().instructions = "x".repeat(MAX_MESSAGE);
    let store = &served.executions.store;
    let written = store.write(move |tx| tx.put_unchecked(&mut stored)).await;
    written.unwrap();
    let request = Request::new(ListAgentsRequest::default());
    let listed = served.agents.list(request).await.unwrap().into_inner();
    let value = served.agent.id().to_owned();
    let id = || {
        let value = value.clone();
        Request::new(AgentId { value })
    };
    let got = served.agents.get(id()).await.unwrap().into_inner();
    for agent in [&listed.entries[0], &got] {
        assert_eq!(agent.slug(), "plain");
        assert!(agent.metadata().unwrap().annotations[SHORTENED].contains("bytes"));
        // Nobody can take it for the whole and write it back.
        assert!(Valid::new(agent.clone()).is_err());
    }
    served.agents.delete(id()).await.unwrap();
}

#[tokio::test]
async fn where_there_is_a_key_only_who_shows_it_reports() {
    for (key, shown, taken) in [
        (None, None, true),
        (Some("key"), None, false),
        (Some("key"), Some("Bearer kex"), false),
        (Some("key"), Some("key"), false),
        (Some("key"), Some("Bearer key"), true),
    ] {
        let mut served = served().await;
        served.executions.runner = RunnerKey::new(key);
        let mut report = Request::new(AgentExecutionUpdateStatusInput {
            execution_id: served.execution().await.id().to_owned(),
            status: Some(AgentExecutionStatus::default()),
        });
        if let Some(shown) = shown {
            let shown = shown.parse().unwrap();
            report.metadata_mut().insert("authorization", shown);
        }
        let told = served.executions.update_status(report).await;
        let code = told.err().map(|status| status.code());
        let refused = (!taken).then_some(tonic::Code::PermissionDenied);
        assert_eq!(code, refused, "{key:?} {shown:?}");
    }
}

#[tokio::test]
async fn a_report_leads_on_and_not_back() {
    use Phase::{ExecutionCompleted, ExecutionFailed, ExecutionInProgress, ExecutionPending};
    let served = served().await;
    let id = served.execution().await.id().to_owned();
    for (phase, error, taken) in [
        (ExecutionInProgress, "", true),
        (ExecutionPending, "", false),
        (ExecutionFailed, "it broke", true),
        // The same again is none.
        (ExecutionFailed, "it broke", true),
        (ExecutionFailed, "otherwise", false),
        (ExecutionCompleted, "", false),
        (ExecutionInProgress, "", false),
        (Phase::Unspecified, "more", false),
    ] {
        let report = AgentExecutionUpdateStatusInput {
            execution_id: id.clone(),
            status: Some(AgentExecutionStatus {
                phase: phase.into(),
                error: error.to_owned(),
                ..Default::default()
            }),
        };
        let told = served.executions.update_status(Request::new(report)).await;
        assert_eq!(told.is_ok(), taken, "{phase:?} {error}: {told:?}");
    }
}
