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
    limits::{Limits, Used},
    loaded::Actor,
    prepare::Tool,
    talk::{self, Talk},
};

/// What stays the same in all turns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Course {
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
    pub(super) talk: Talk,
    pub(super) used: Used,
    /// Whether the server does not know all of the talk.
    pub(super) unreported: bool,
}

/// Where turns end that did not fail.
pub(super) enum Taken {
    Answer(String),
    /// The workflow is to go on as a new run.
    Renew,
}

/// Takes turns until the model answers without calling a tool. What was said and done is in
/// `progress`, however it ends. Whoever cancels `token` waits until what runs was let go.
pub(super) async fn take<W>(
    ctx: &WorkflowContext<W>,
    course: &Course,
    progress: &mut Progress,
    token: &WorkflowCancellationToken,
) -> Result<Taken, Stop> {
    let mut turns = 0;
    loop {
        if turns > 0 && (turns >= course.turns_per_run || ctx.continue_as_new_suggested()) {
            return Ok(Taken::Renew);
        }
        turns += 1;
        if let Some(limit) = course.limits.before_model_call(progress.used) {
            return Err(Stop::Limit(limit, course.limits));
        }
        let request = ModelRequest {
            actor: course.actor.clone(),
            model: course.model.clone(),
            tools: course.tools.clone(),
            input: course.input.clone(),
            talk: progress.talk.clone(),
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
            .talk
            .answer(reply.text.clone(), now(ctx), reply.calls);
        progress.talk.fit(talk::MOST).map_err(Stop::TooLarge)?;
        if progress
            .talk
            .turns
            .last()
            .is_none_or(|turn| turn.calls.is_empty())
        {
            return Ok(Taken::Answer(reply.text));
        }
        calls::make(ctx, course, progress, token).await?;
        progress.talk.fit(talk::MOST).map_err(Stop::TooLarge)?;
        report(ctx, course, progress.talk.clone(), token).await?;
        progress.unreported = course.actor.sub_agent.is_some();
    }
}

/// Refuses a question that Temporal would not take: it would be tried for ever.
fn sendable(request: &ModelRequest) -> Result<(), Stop> {
    let size = talk::size(request);
    if size <= talk::MOST_SENT {
        return Ok(());
    }
    let (talk, tools) = (talk::size(&request.talk), talk::size(&request.tools));
    let task = talk::size(&request.input);
    Err(Stop::TooLarge(format!(
        "the question to the model takes {size} bytes, more than the {} that fit: the conversation \
         {talk}, the tools {tools}, a sub-agent's task {task}, its skills and session the rest",
        talk::MOST_SENT
    )))
}

/// Shows the talk in the execution; a sub-agent's is shown by the main agent.
pub(super) async fn report<W>(
    ctx: &WorkflowContext<W>,
    course: &Course,
    talk: Talk,
    token: &WorkflowCancellationToken,
) -> Result<(), Stop> {
    if course.actor.sub_agent.is_some() {
        return Ok(());
    }
    let report = Report {
        execution_id: course.actor.execution_id.clone(),
        status: AgentExecutionStatus::default(),
        talk: Some(talk),
    };
    let options = server_call(Some(token.clone()));
    Ok(ctx
        .execute_local_activity(AgentActivities::report, report, options)
        .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loaded::Pins;

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
            talk: Talk::default(),
        };
        assert!(sendable(&request(talk::MOST_SENT / 2 - 200)).is_ok());
        let refused = sendable(&request(talk::MOST_SENT / 2));
        let why = refused
            .err()
            .map(|stop| stop.sentence())
            .unwrap_or_default();
        assert!(why.contains("a sub-agent's task 20"), "{why}");
    }
}
