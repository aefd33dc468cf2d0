//! The loop of an agent, the main one or a sub-agent: the model is asked, the tools that it calls
//! are called, until it calls none.

use serde::{Deserialize, Serialize};
use stigmer_api::agentexecution::AgentExecutionStatus;
use temporalio_sdk::{WorkflowCancellationToken, WorkflowContext};

use super::{
    calls,
    options::{model_call, now, server_call},
    stop::Stop,
};
use crate::{
    activities::{AgentActivities, ModelRequest, Report},
    execution_data::Actor,
    limits::{Limits, Used},
    prepare::Tool,
    transcript::{self, Transcript},
};

/// What stays the same in all turns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AgentRun {
    pub(super) actor: Actor,
    /// What the keys of its tool calls begin with.
    pub(super) key: String,
    pub(super) model: String,
    pub(super) tools: Vec<Tool>,
    /// A sub-agent's task.
    pub(super) input: Option<String>,
    pub(super) limits: Limits,
    pub(super) turns_per_run: u32,
}

/// How far the agent is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    #[serde(rename = "talk")]
    pub(super) transcript: Transcript,
    pub(super) used: Used,
    /// Whether the server does not know all of the transcript.
    pub(super) unreported: bool,
}

/// Where turns end that did not fail.
pub(super) enum TurnsEnd {
    Answer(String),
    /// The workflow is to go on as a new run.
    Renew,
}

/// Takes turns until the model answers without calling a tool. What was said and done is in
/// `progress`, however it ends. Whoever cancels `token` waits until what runs was let go.
pub(super) async fn run_turns<W>(
    ctx: &WorkflowContext<W>,
    agent_run: &AgentRun,
    progress: &mut Progress,
    token: &WorkflowCancellationToken,
) -> Result<TurnsEnd, Stop> {
    let mut turns = 0;
    loop {
        if turns > 0 && (turns >= agent_run.turns_per_run || ctx.continue_as_new_suggested()) {
            return Ok(TurnsEnd::Renew);
        }
        turns += 1;
        if let Some(limit) = agent_run.limits.before_model_call(progress.used) {
            return Err(Stop::Limit(limit, agent_run.limits));
        }
        let request = ModelRequest {
            actor: agent_run.actor.clone(),
            model: agent_run.model.clone(),
            tools: agent_run.tools.clone(),
            input: agent_run.input.clone(),
            transcript: progress.transcript.clone(),
        };
        sendable(&request)?;
        // Pieces of an answer are shown that may never become whole.
        progress.unreported = true;
        let reply = ctx
            .execute_activity(
                AgentActivities::call_model,
                request,
                model_call(Some(token)),
            )
            .await?;
        progress.used.model_calls += 1;
        progress
            .transcript
            .answer(reply.text.clone(), now(ctx), reply.calls);
        progress
            .transcript
            .fit(transcript::MOST)
            .map_err(Stop::TooLarge)?;
        if progress
            .transcript
            .turns
            .last()
            .is_none_or(|turn| turn.calls.is_empty())
        {
            return Ok(TurnsEnd::Answer(reply.text));
        }
        calls::execute_calls(ctx, agent_run, progress, token).await?;
        progress
            .transcript
            .fit(transcript::MOST)
            .map_err(Stop::TooLarge)?;
        report(ctx, agent_run, progress.transcript.clone(), token).await?;
        progress.unreported = agent_run.actor.sub_agent.is_some();
    }
}

/// Refuses a question that Temporal would not take: it would be tried for ever.
fn sendable(request: &ModelRequest) -> Result<(), Stop> {
    let size = transcript::size(request);
    if size <= transcript::MOST_SENT {
        return Ok(());
    }
    let (transcript, tools) = (
        transcript::size(&request.transcript),
        transcript::size(&request.tools),
    );
    let task = transcript::size(&request.input);
    Err(Stop::TooLarge(format!(
        "the question to the model takes {size} bytes, more than the {} that fit: the conversation \
         {transcript}, the tools {tools}, a sub-agent's task {task}, its skills and session the rest",
        transcript::MOST_SENT
    )))
}

/// Shows the transcript in the execution; a sub-agent's is shown by the main agent.
pub(super) async fn report<W>(
    ctx: &WorkflowContext<W>,
    agent_run: &AgentRun,
    transcript: Transcript,
    token: &WorkflowCancellationToken,
) -> Result<(), Stop> {
    if agent_run.actor.sub_agent.is_some() {
        return Ok(());
    }
    let report = Report {
        execution_id: agent_run.actor.execution_id.clone(),
        status: AgentExecutionStatus::default(),
        transcript: Some(transcript),
    };
    let options = server_call(Some(token.clone()));
    Ok(ctx
        .execute_local_activity(AgentActivities::report, report, options)
        .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution_data::Pins;

    #[test]
    fn a_question_that_temporal_would_not_take_is_refused() {
        let request = |task: usize| ModelRequest {
            actor: Actor {
                execution_id: "e".to_owned(),
                sub_agent: None,
                pins: Pins::default(),
            },
            model: "m".to_owned(),
            tools: Vec::new(),
            input: Some("\"".repeat(task)),
            transcript: Transcript::default(),
        };
        assert!(sendable(&request(transcript::MOST_SENT / 2 - 200)).is_ok());
        let refused = sendable(&request(transcript::MOST_SENT / 2));
        let why = refused
            .err()
            .map(|stop| stop.sentence())
            .unwrap_or_default();
        assert!(why.contains("a sub-agent's task 20"), "{why}");
    }
}
