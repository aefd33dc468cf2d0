//! The workflow of the original's server: what it asks of a runner, within which times, and how it
//! reads the answers.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, anyhow, ensure};
use serde_json::Value;
use stigmer_api::{
    agentexecution::{
        AgentExecution, AgentExecutionStatus, AgentMessage, ExecutionPhase, MessageType,
    },
    resource::Resource,
};
use temporalio_common::{
    RetryPolicy,
    data_converters::{MultiArgs2, RawValue},
    error::ApplicationFailure,
    protos::temporal::api::common::v1::Payload,
};
use temporalio_macros::{activities, activity_definitions, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityCancellationType, ActivityOptions, LocalActivityOptions, WorkflowContext,
    WorkflowContextView, WorkflowResult, WorkflowTermination,
    activities::{ActivityContext, ActivityError},
};
use test_e2e::Api;

use super::Limits;

pub(crate) const TYPE: &str = "stigmer/agent-execution/invoke";

/// The fields of a status that the contract knows: others are refused by its strict reader.
const KNOWN: [&str; 10] = [
    "messages",
    "phase",
    "toolCalls",
    "subAgentExecutions",
    "error",
    "startedAt",
    "completedAt",
    "todos",
    "callbackToken",
    "audit",
];

/// What a runner is asked.
pub(crate) struct Runner;

#[activity_definitions]
impl Runner {
    #[activity(name = "EnsureThread")]
    pub(crate) fn ensure_thread(
        _session_id: String,
        _agent_id: String,
    ) -> Result<RawValue, ActivityError> {
        unimplemented!()
    }

    #[activity(name = "ExecuteGraphton")]
    pub(crate) fn execute_graphton(_arguments: RawValue) -> Result<RawValue, ActivityError> {
        unimplemented!()
    }
}

/// What the server does itself.
pub(crate) struct Own {
    pub(crate) api: Api,
}

#[activities]
impl Own {
    /// Writes that an execution failed, where the runner did not answer.
    #[activity(name = "UpdateExecutionStatus")]
    pub(crate) async fn update(
        self: Arc<Self>,
        _ctx: ActivityContext,
        id: String,
        why: String,
    ) -> Result<(), ActivityError> {
        let message = |content: &str| AgentMessage {
            r#type: MessageType::MessageSystem.into(),
            content: content.to_owned(),
            ..Default::default()
        };
        let status = AgentExecutionStatus {
            phase: ExecutionPhase::ExecutionFailed.into(),
            messages: vec![message("Internal system error"), message(&why)],
            ..Default::default()
        };
        self.api.report(&id, status).await?;
        Ok(())
    }
}

#[workflow]
pub(crate) struct Invoke {
    input: RawValue,
}

#[workflow_methods]
impl Invoke {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: RawValue) -> Self {
        Self { input }
    }

    #[run(name = "stigmer/agent-execution/invoke")]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let input = ctx.state(|s| s.input.clone());
        let first = input.payloads.first().cloned().unwrap_or_default();
        let execution: AgentExecution =
            serde_json::from_slice(&first.data).map_err(|e| failed(e.into()))?;
        let Err(error) = Self::ask(ctx, first, &execution).await else {
            return Ok(());
        };
        let why = (execution.id().to_owned(), format!("{error:?}"));
        let options = LocalActivityOptions::builder()
            .start_to_close_timeout(Duration::from_secs(30))
            .retry_policy(RetryPolicy::builder().maximum_attempts(3).build())
            .build();
        ctx.execute_local_activity(Own::update, MultiArgs2::from(why), options)
            .await?;
        Err(error)
    }

    async fn ask(
        ctx: &WorkflowContext<Self>,
        sent: Payload,
        execution: &AgentExecution,
    ) -> WorkflowResult<()> {
        let memo = ctx.memo();
        let queue: Option<String> = memo
            .get("activityTaskQueue")
            .map_err(|e| failed(e.into()))?;
        let limits: Option<Limits> = memo.get("limits").map_err(|e| failed(e.into()))?;
        let (Some(queue), Some(limits)) = (queue, limits) else {
            return Err(failed(anyhow!("the memo lacks something")));
        };
        let spec = execution.spec.clone().unwrap_or_default();
        let asked = MultiArgs2(spec.session_id.clone(), spec.agent_id);
        let retries = RetryPolicy::builder()
            .initial_interval(Duration::from_secs(5))
            .maximum_attempts(3)
            .build();
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(30))
            .schedule_to_start_timeout(Duration::from_secs(60))
            .task_queue(queue.clone())
            .retry_policy(retries)
            .build();
        let thread = ctx.execute_activity(Runner::ensure_thread, asked, options);
        let thread = one(thread.await?).map_err(failed)?;
        conversation(&thread, &spec.session_id).map_err(failed)?;

        let millis = Duration::from_millis;
        let options = ActivityOptions::with_start_to_close_timeout(millis(limits.start_to_close))
            .schedule_to_start_timeout(Duration::from_secs(60))
            .heartbeat_timeout(millis(limits.heartbeat))
            .task_queue(queue)
            .retry_policy(RetryPolicy::builder().maximum_attempts(1).build())
            .cancellation_type(match limits.waits {
                true => ActivityCancellationType::WaitCancellationCompleted,
                false => ActivityCancellationType::TryCancel,
            })
            .build();
        let asked = RawValue::new(vec![sent, thread]);
        let answer = ctx.execute_activity(Runner::execute_graphton, asked, options);
        let answer = one(answer.await?).map_err(failed)?;
        ended(&answer).map_err(failed)
    }
}

fn failed(error: anyhow::Error) -> WorkflowTermination {
    let failure = ApplicationFailure::builder(error).non_retryable(true);
    WorkflowTermination::failed_application(failure.build())
}

fn one(answer: RawValue) -> anyhow::Result<Payload> {
    let mut payloads = answer.payloads;
    ensure!(payloads.len() == 1, "{} payloads came", payloads.len());
    payloads.pop().context("no payload came")
}

fn encoding(payload: &Payload, key: &str) -> String {
    let value = payload.metadata.get(key).map(Vec::as_slice);
    String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
}

/// The id of a conversation is a plain text.
fn conversation(payload: &Payload, session: &str) -> anyhow::Result<()> {
    ensure!(encoding(payload, "encoding") == "json/plain", "{payload:?}");
    let thread: String = serde_json::from_slice(&payload.data)?;
    ensure!(thread == format!("thread-{session}"), "{thread}");
    Ok(())
}

/// The answer is never null, and its phase says that the execution has ended.
fn ended(payload: &Payload) -> anyhow::Result<()> {
    let message = "ai.stigmer.agentic.agentexecution.v1.AgentExecutionStatus";
    ensure!(
        encoding(payload, "encoding") == "json/protobuf",
        "{payload:?}"
    );
    ensure!(encoding(payload, "messageType") == message, "{payload:?}");
    let fields: serde_json::Map<String, Value> = serde_json::from_slice(&payload.data)?;
    let unknown = fields.keys().find(|key| !KNOWN.contains(&key.as_str()));
    ensure!(unknown.is_none(), "the contract knows no {unknown:?}");
    let status: AgentExecutionStatus = serde_json::from_slice(&payload.data)?;
    ensure!(status.phase().is_terminal(), "{status:?}");
    Ok(())
}
