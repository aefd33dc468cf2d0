//! The durable loop of one execution. It only decides; everything that touches the world is an
//! activity, so a runner that dies in the middle is continued by another without asking twice
//! for what was answered.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use stigmer_api::agentexecution::{AgentExecutionStatus, AgentMessage, ExecutionPhase};
use temporalio_common::RetryPolicy;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ActivityCancellationType, ActivityExecutionError, ActivityOptions, WorkflowCancellationToken,
    WorkflowContext, WorkflowContextView, WorkflowResult, WorkflowTermination,
};
use temporalio_workflow::ActivityCloseTimeouts;

use crate::{
    activities::{AgentActivities, ModelRequest, Prepared, Report, ai_message},
    failure,
};

/// Longest whole answer of a model.
const MODEL_CALL: Duration = Duration::from_secs(600);
/// A runner that gave no sign for so long is taken for dead and its work is done again: ten
/// heartbeats, so that a busy machine is not taken for a dead one.
const DEAD_AFTER: Duration = Duration::from_secs(2);
/// How often a model is asked: with 0.2, 0.4, 0.8, 1.6 s between, so that a dead address fails
/// an execution within 10 s.
const MODEL_ATTEMPTS: u32 = 5;
/// One call to the server.
const SERVER_CALL: Duration = Duration::from_secs(15);
/// How long a server may be away before its executions are given up.
const SERVER_AWAY: Duration = Duration::from_secs(600);

/// The workflow of one execution; its input is the execution's id.
#[workflow]
pub(crate) struct AgentExecution {
    id: String,
}

/// Why an execution does not go on.
enum Stop {
    /// Something failed; the text is for the execution's status.
    Failed(String, WorkflowTermination),
    /// It ended elsewhere: nobody waits for a report.
    Gone,
}

impl From<ActivityExecutionError> for Stop {
    fn from(error: ActivityExecutionError) -> Self {
        if failure::is_gone(&error) {
            return Self::Gone;
        }
        Self::Failed(failure::explain(&error), error.into())
    }
}

#[workflow_methods]
impl AgentExecution {
    #[init]
    fn new(_ctx: &WorkflowContextView, id: String) -> Self {
        Self { id }
    }

    #[run(name = "stigmer/agent-execution/invoke")]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        match Self::answer(ctx).await {
            Ok(()) | Err(Stop::Gone) => Ok(()),
            Err(Stop::Failed(..)) if ctx.cancellation_token().is_cancelled() => {
                let reason = ctx.cancellation_token().reason().unwrap_or_default();
                Self::end(
                    ctx,
                    ExecutionPhase::ExecutionCancelled,
                    Vec::new(),
                    "",
                    &reason,
                )
                .await?;
                Err(WorkflowTermination::cancelled_with_details(reason))
            }
            Err(Stop::Failed(why, termination)) => {
                Self::end(ctx, ExecutionPhase::ExecutionFailed, Vec::new(), &why, "").await?;
                Err(termination)
            }
        }
    }

    async fn answer(ctx: &mut WorkflowContext<Self>) -> Result<(), Stop> {
        let id = ctx.state(|s| s.id.clone());
        let Prepared {
            model,
            conversation,
            mut messages,
        } = ctx
            .execute_activity(AgentActivities::prepare, id.clone(), server_call(false))
            .await?;
        let started = AgentExecutionStatus {
            phase: ExecutionPhase::ExecutionInProgress.into(),
            started_at: now(ctx),
            ..Default::default()
        };
        let report = Report {
            execution_id: id.clone(),
            status: started,
        };
        ctx.execute_activity(AgentActivities::report, report, server_call(false))
            .await?;
        let request = ModelRequest {
            execution_id: id,
            model,
            conversation,
            messages: messages.clone(),
        };
        let text = ctx
            .execute_activity(AgentActivities::call_model, request, model_call())
            .await?;
        messages.push(ai_message(&text, now(ctx)));
        Self::end(ctx, ExecutionPhase::ExecutionCompleted, messages, "", "").await?;
        Ok(())
    }

    /// Reports the end, also after a cancellation.
    async fn end(
        ctx: &mut WorkflowContext<Self>,
        phase: ExecutionPhase,
        messages: Vec<AgentMessage>,
        error: &str,
        reason: &str,
    ) -> Result<(), ActivityExecutionError> {
        let status = AgentExecutionStatus {
            phase: phase.into(),
            messages,
            error: error.to_owned(),
            phase_reason: reason.to_owned(),
            completed_at: now(ctx),
            ..Default::default()
        };
        let report = Report {
            execution_id: ctx.state(|s| s.id.clone()),
            status,
        };
        let options = server_call(true);
        match ctx
            .execute_activity(AgentActivities::report, report, options)
            .await
        {
            Err(error) if failure::is_gone(&error) => Ok(()),
            reported => reported,
        }
    }
}

/// A call to the server: it is tried until the server is back, or given up with it.
/// `detached`: also when the workflow is cancelled.
fn server_call(detached: bool) -> ActivityOptions {
    let timeouts = ActivityCloseTimeouts::ScheduleAndStartToClose {
        schedule_to_close: SERVER_AWAY,
        start_to_close: SERVER_CALL,
    };
    ActivityOptions::with_close_timeouts(timeouts)
        .retry_policy(retries(0))
        .maybe_cancellation_token(detached.then(WorkflowCancellationToken::new))
        .build()
}

fn model_call() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(MODEL_CALL)
        .heartbeat_timeout(DEAD_AFTER)
        // The execution is CANCELLED when the model's answer was really let go.
        .cancellation_type(ActivityCancellationType::WaitCancellationCompleted)
        .retry_policy(retries(MODEL_ATTEMPTS))
        .build()
}

/// At most `attempts`, 0 for no limit, with growing pauses between.
fn retries(attempts: u32) -> RetryPolicy {
    RetryPolicy::builder()
        .initial_interval(Duration::from_millis(200))
        .backoff_coefficient(2.0)
        .maximum_interval(Duration::from_secs(5))
        .maximum_attempts(attempts)
        .build()
}

/// The workflow's own clock: the same in every replay.
fn now<W>(ctx: &WorkflowContext<W>) -> String {
    let time = ctx.workflow_time().unwrap_or(SystemTime::UNIX_EPOCH);
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests;
