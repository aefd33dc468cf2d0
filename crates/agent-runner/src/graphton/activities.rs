//! The activities that the original's server expects of a runner. They hand the execution to a
//! workflow of ours, so that it outlives this process as every other does.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use stigmer_api::agentexecution::AgentExecutionStatus;
use temporalio_client::{
    Client, UntypedWorkflow, WorkflowDescribeOptions, WorkflowIdConflictPolicy,
    WorkflowStartOptions,
};
use temporalio_common::data_converters::{PayloadConverter, RawValue};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError, ActivityInfo};

use super::{
    foreign_activity::{Answer, ForeignActivity, LetGo},
    payloads,
};
use crate::{
    backend::Backend,
    failure::{self, permanent, transient},
};

/// The workflow that runs an execution for a foreign activity; its id has the execution's at its
/// end.
const GRAPHTON: &str = "stigmer/agent-execution/execute-graphton";
/// How long a runner may take for one step of a workflow, as the server says it of those it starts.
pub(crate) const TASK: Duration = Duration::from_secs(3);
/// What of a foreign activity's time is for the end of its execution: a twentieth, between these,
/// but no more than half. What runs is let go, MCP servers are ended, the server is told: 2.5 s were
/// seen on two cores that ran three whole stacks.
const LEAST_LEFT: Duration = Duration::from_secs(4);
const MOST_LEFT: Duration = Duration::from_secs(30);

/// An execution that a foreign activity waits for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ForeignTask {
    pub(crate) execution_id: String,
    pub(crate) activity: ForeignActivity,
    /// When its time is over, in milliseconds since 1970.
    pub(crate) until: Option<u64>,
}

/// How an execution ended that a foreign activity waits for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ForeignEnd {
    pub(crate) execution_id: String,
    pub(crate) activity: ForeignActivity,
    /// Whether it ended because the activity was cancelled.
    pub(crate) cancelled: bool,
    /// Why it failed, where the execution itself does not say how it ended.
    pub(crate) why: String,
}

/// What the original's server asks of a runner, and how it is answered.
pub(crate) struct GraphtonActivities {
    pub(crate) backend: Backend,
}

#[activities]
impl GraphtonActivities {
    /// The id of the conversation that a session is.
    #[activity(name = "EnsureThread")]
    #[allow(dead_code)] // asked for by name
    pub(crate) async fn ensure_thread(
        _ctx: ActivityContext,
        session_id: String,
        agent_id: String,
    ) -> Result<String, ActivityError> {
        Ok(payloads::thread_id(&session_id, &agent_id))
    }

    /// Starts our workflow for an execution, which answers in our place.
    #[activity(name = "ExecuteGraphton")]
    #[allow(dead_code)] // asked for by name
    pub(crate) async fn execute_graphton(
        ctx: ActivityContext,
        arguments: RawValue,
    ) -> Result<(), ActivityError> {
        let refused = |why: &str| permanent("NoExecution", why);
        let id = payloads::execution_id(&arguments).map_err(|e| refused(&format!("{e:#}")))?;
        let info = ctx.info();
        let workflow_id = info.workflow_id.clone();
        let workflow_id = workflow_id.ok_or_else(|| refused("no workflow waits for it"))?;
        let client = ctx.client();
        let task = ForeignTask {
            execution_id: id.clone(),
            until: until(info, run_ends(&client, &workflow_id).await),
            activity: ForeignActivity {
                workflow_id,
                activity_id: info.activity_id.clone(),
            },
        };
        let input = RawValue::from_value(&task, &PayloadConverter::default());
        let options = WorkflowStartOptions::new(&info.task_queue, format!("{GRAPHTON}/{id}"))
            // One that works for it already answers whoever asks now too.
            .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
            .task_timeout(TASK)
            .build();
        let workflow = UntypedWorkflow::new(GRAPHTON);
        let started = client.start_workflow(workflow, input, options).await;
        started.map_err(|e| transient("TemporalUnavailable", e.to_string()))?;
        Err(ActivityError::WillCompleteAsync)
    }

    /// Says that a foreign activity goes on until nobody waits for it. It is no call that takes
    /// one of the worker's slots: with as many executions as slots none would get ahead.
    #[activity(name = "HoldActivity")]
    pub(crate) async fn hold(
        ctx: ActivityContext,
        activity: ForeignActivity,
    ) -> Result<LetGo, ActivityError> {
        let first = ForeignActivity::first_beat(ctx.info().attempt);
        let own = ctx.info().task_token.clone();
        tokio::spawn(activity.hold(ctx.client(), own, first));
        Err(ActivityError::WillCompleteAsync)
    }

    /// Answers a foreign activity with the end of its execution.
    #[activity(name = "AnswerActivity")]
    pub(crate) async fn answer(
        self: Arc<Self>,
        ctx: ActivityContext,
        end: ForeignEnd,
    ) -> Result<(), ActivityError> {
        let answer = match end.cancelled {
            true => Answer::Cancelled,
            false => match self.backend.execution(&end.execution_id).await {
                Ok(execution) => told(execution.status.unwrap_or_default(), end.why),
                Err(error) if failure::is_permanent(&error) => {
                    Answer::Failed(failure::words(&error))
                }
                Err(error) => return Err(error),
            },
        };
        end.activity.answer(&ctx.client(), answer).await
    }
}

/// What the execution itself says; one that does not say that it ended has failed.
fn told(status: AgentExecutionStatus, why: String) -> Answer {
    match status.phase().is_terminal() {
        true => Answer::Ended(Box::new(status)),
        false => Answer::Failed(why),
    }
}

/// When Temporal ends the last run of a workflow, where that is known.
async fn run_ends(client: &Client, workflow_id: &str) -> Option<SystemTime> {
    let handle = client.get_workflow_handle::<UntypedWorkflow>(workflow_id.to_owned());
    let described = handle.describe(WorkflowDescribeOptions::default()).await;
    let described =
        described.inspect_err(|error| tracing::warn!(%error, workflow_id, "no time limit"));
    let described = described.ok()?.raw_description.workflow_extended_info?;
    SystemTime::try_from(described.run_expiration_time?).ok()
}

/// When the execution must have begun to end, in milliseconds since 1970: its own words are to
/// come before Temporal's.
fn until(info: &ActivityInfo, run_ends: Option<SystemTime>) -> Option<u64> {
    let started = info.started_time?;
    let end = info.deadline.into_iter().chain(run_ends).min()?;
    Some(end_by(started, end))
}

fn end_by(started: SystemTime, end: SystemTime) -> u64 {
    let all = end.duration_since(started).unwrap_or_default();
    let end = end - (all / 20).clamp(LEAST_LEFT, MOST_LEFT).min(all / 2);
    let since = end.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use stigmer_api::agentexecution::ExecutionPhase;

    use super::*;

    #[test]
    fn an_execution_ends_before_whoever_waits_for_it() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(end_by(at(1000), at(1600)), 1_570_000);
        assert_eq!(end_by(at(1000), at(1020)), 1_016_000);
        assert_eq!(end_by(at(1000), at(1003)), 1_001_500);
        assert_eq!(end_by(at(1000), at(1000 + 86_400)), 1_000_000 + 86_370_000);
        // Its time was over before it began.
        assert_eq!(end_by(at(1000), at(900)), 900_000);
    }

    #[test]
    fn an_execution_that_does_not_say_its_end_has_failed() {
        let status = |phase: ExecutionPhase| AgentExecutionStatus {
            phase: phase.into(),
            ..Default::default()
        };
        let told = |phase| told(status(phase), "why".to_owned());
        let under_way = told(ExecutionPhase::ExecutionInProgress);
        assert!(matches!(under_way, Answer::Failed(why) if why == "why"));
        let failed = told(ExecutionPhase::ExecutionFailed);
        let expected = ExecutionPhase::ExecutionFailed;
        assert!(matches!(failed, Answer::Ended(status) if status.phase() == expected));
    }
}
