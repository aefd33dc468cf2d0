//! The loop of an agent, the main one or a sub-agent: the model is asked, the tools that it calls
//! are called, until it calls none.
//!
//! The one circle of this crate: a turn makes calls (`calls.rs`), a call may give a task to a
//! sub-agent (`sub_agent.rs`), and that takes turns. What the three share is in `agent_run.rs`.

use stigmer_api::agentexecution::AgentExecutionStatus;
use temporalio_sdk::{WorkflowCancellationToken, WorkflowContext, WorkflowTermination};

use super::{
    agent_run::{AgentRun, Progress, TurnsEnd, report},
    calls,
    options::{model_call, now},
    stop::Stop,
};
use crate::{
    activities::{AgentActivities, ModelRequest},
    limits::Used,
    transcript::size_limit,
};

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
            // The next run would hear nothing of it.
            if token.is_cancelled() {
                let why = token.reason().unwrap_or_default();
                return Err(Stop::Failed(why, WorkflowTermination::cancelled()));
            }
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
            unreported: unreported(agent_run, progress),
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
        progress.used = progress.used.plus(Used {
            model_calls: 1,
            tool_calls: 0,
            tokens: reply.ending.tokens,
        });
        progress.warn(reply.warning);
        progress
            .transcript
            .answer(reply.text.clone(), now(ctx), reply.calls);
        if let Some(turn) = progress.transcript.turns.last_mut() {
            turn.ending = reply.ending;
        }
        progress
            .transcript
            .fit(size_limit::MOST)
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
            .fit(size_limit::MOST)
            .map_err(Stop::TooLarge)?;
        if !agent_run.merged_reports {
            report(ctx, agent_run, progress.clone(), token).await?;
            progress.unreported = agent_run.actor.sub_agent.is_some();
        }
    }
}

/// What the server is to be told with the next question to the model; a sub-agent's progress is
/// shown by the main agent.
fn unreported(agent_run: &AgentRun, progress: &Progress) -> Option<AgentExecutionStatus> {
    let new =
        agent_run.merged_reports && progress.unreported && agent_run.actor.sub_agent.is_none();
    new.then(|| progress.status(AgentExecutionStatus::default()))
}

/// Refuses a question that Temporal would not take: it would be tried for ever.
fn sendable(request: &ModelRequest) -> Result<(), Stop> {
    let size = size_limit::size(request);
    if size <= size_limit::MOST_SENT {
        return Ok(());
    }
    let (transcript, tools) = (
        size_limit::size(&request.transcript),
        size_limit::size(&request.tools),
    );
    let task = size_limit::size(&request.input);
    Err(Stop::TooLarge(format!(
        "the question to the model takes {size} bytes, more than the {} that fit: the conversation \
         {transcript}, the tools {tools}, a sub-agent's task {task}, its skills and session the rest",
        size_limit::MOST_SENT
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        offered_tools::OfferedTools,
        pins::{Actor, Pins},
        transcript::Transcript,
    };

    #[test]
    fn a_question_that_temporal_would_not_take_is_refused() {
        let request = |task: usize| ModelRequest {
            actor: Actor {
                execution_id: "e".to_owned(),
                sub_agent: None,
                pins: Pins::default(),
            },
            model: "m".to_owned(),
            tools: OfferedTools::default(),
            input: Some("\"".repeat(task)),
            transcript: Transcript::default(),
            unreported: None,
        };
        assert!(sendable(&request(size_limit::MOST_SENT / 2 - 200)).is_ok());
        let refused = sendable(&request(size_limit::MOST_SENT / 2));
        let why = refused
            .err()
            .map(|stop| stop.sentence())
            .unwrap_or_default();
        assert!(why.contains("a sub-agent's task 20"), "{why}");
    }
}
