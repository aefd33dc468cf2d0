//! What one agent, the main one or a sub-agent, carries through its turns.

use serde::{Deserialize, Serialize};
use stigmer_api::agentexecution::AgentExecutionStatus;
use temporalio_sdk::{WorkflowCancellationToken, WorkflowContext};

use super::{options::server_call, stop::Stop};
use crate::{
    activities::{AgentActivities, Report},
    limits::{Limits, Used},
    offered_tools::OfferedTools,
    pins::Actor,
    status,
    transcript::Transcript,
};

/// What stays the same in all turns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AgentRun {
    pub(super) actor: Actor,
    /// What the keys of its tool calls begin with.
    pub(super) key: String,
    pub(super) model: String,
    pub(super) tools: OfferedTools,
    /// A sub-agent's task.
    pub(super) input: Option<String>,
    pub(super) limits: Limits,
    pub(super) turns_per_run: u32,
    /// As [`crate::prepare::Prepared::merged_reports`].
    #[serde(default)]
    pub(super) merged_reports: bool,
}

/// How far the agent is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    #[serde(rename = "talk")]
    pub(super) transcript: Transcript,
    pub(super) used: Used,
    /// What the execution is warned of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
    /// Whether the server does not know all of the transcript.
    pub(super) unreported: bool,
}

/// Where turns end that did not fail.
pub(super) enum TurnsEnd {
    Answer(String),
    /// The workflow is to go on as a new run.
    Renew,
}

/// The most that an execution is warned of.
const MOST_WARNINGS: usize = 20;

impl Progress {
    /// Warns of something, once.
    pub(super) fn warn(&mut self, warning: String) {
        let new = !warning.is_empty() && !self.warnings.contains(&warning);
        if new && self.warnings.len() < MOST_WARNINGS {
            self.warnings.push(warning);
        }
    }

    /// What the status says beside the transcript.
    pub(super) fn status(&self, status: AgentExecutionStatus) -> AgentExecutionStatus {
        AgentExecutionStatus {
            usage: status::usage(self.used.tokens),
            warnings: self.warnings.clone(),
            ..status
        }
    }
}

/// Shows the progress in the execution; a sub-agent's is shown by the main agent.
pub(super) async fn report<W>(
    ctx: &WorkflowContext<W>,
    agent_run: &AgentRun,
    progress: Progress,
    token: &WorkflowCancellationToken,
) -> Result<(), Stop> {
    if agent_run.actor.sub_agent.is_some() {
        return Ok(());
    }
    let transcript = progress.transcript.clone();
    let report = Report {
        execution_id: agent_run.actor.execution_id.clone(),
        status: progress.status(AgentExecutionStatus::default()),
        transcript: Some(transcript),
        close_tools: false,
    };
    let options = server_call(Some(token.clone()));
    Ok(ctx
        .execute_local_activity(AgentActivities::report, report, options)
        .await?)
}
