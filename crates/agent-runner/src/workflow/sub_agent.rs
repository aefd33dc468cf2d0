//! Sub-agents: each run of one is a child workflow, so that it is as durable as the main agent.

use serde::{Deserialize, Serialize};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ChildWorkflowOptions, ContinueAsNewOptions, ParentClosePolicy, WorkflowCancellationToken,
    WorkflowContext, WorkflowContextView, WorkflowResult, WorkflowTermination,
};

use super::{
    agent_run::{AgentRun, Progress, TurnsEnd},
    child,
    options::prepare_call,
    stop::Stop,
    turns,
};
use crate::{
    activities::AgentActivities,
    limits::{Limit, Limits, Used},
    offered_tools::OfferedTools,
    pins::Actor,
    transcript::{Call, CallState, Ending, SubAgentRun, size_limit},
};

/// What a sub-agent is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    #[serde(rename = "course")]
    agent_run: AgentRun,
    /// What the execution had used when it was asked, and the shares of those asked with it.
    used: Used,
    /// How many are asked at once.
    #[serde(default)]
    among: u32,
}

/// How a run of a sub-agent ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SubAgentEnd {
    pub(super) output: String,
    /// Empty if it did not fail.
    error: String,
    /// The limit that it reached, which is the execution's.
    limit: Option<Limit>,
    /// By itself.
    pub(super) used: Used,
    calls: Vec<Call>,
    /// Of its last answer.
    #[serde(default)]
    ending: Ending,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

impl Task {
    /// The `nth` task, from 0, of `among` that are given at once.
    pub(super) fn new(
        parent: &AgentRun,
        used: Used,
        call: &Call,
        task: String,
        (nth, among): (u32, u32),
    ) -> Self {
        let name = &call.component.group;
        let actor = Actor {
            sub_agent: Some(name.clone()),
            ..parent.actor.clone()
        };
        let agent_run = AgentRun {
            // The same sub-agent may be called more than once.
            key: format!("{}/{name}/{}", parent.key, call.id),
            actor,
            model: parent.model.clone(),
            tools: OfferedTools::default(),
            input: Some(task),
            limits: parent.limits,
            turns_per_run: parent.turns_per_run,
            merged_reports: parent.merged_reports,
        };
        let used = parent.limits.share(used, nth, among);
        Self {
            agent_run,
            used,
            among,
        }
    }
}

/// Runs a sub-agent to its end.
pub(super) async fn run<W>(
    ctx: &WorkflowContext<W>,
    task: Task,
    call_id: &str,
    token: &WorkflowCancellationToken,
) -> Result<SubAgentEnd, Stop> {
    let id = format!("{}/{call_id}", ctx.workflow_id());
    let options = ChildWorkflowOptions::builder()
        .workflow_id(id.clone())
        // Where the parent is ended by force, the runner still hears that it is to let go.
        .parent_close_policy(ParentClosePolicy::RequestCancel)
        .cancellation_token(token.clone())
        .build();
    let input = SubAgentInput::Start(task);
    let started = ctx
        .start_child_workflow(SubAgentExecution::run, input, options)
        .await;
    let ended = match started {
        Ok(started) => child::ended(ctx, &id, token, started.result())
            .await
            .map_err(|e| (e.to_string(), e.into())),
        Err(e) => Err((e.to_string(), WorkflowTermination::from(e))),
    };
    match ended {
        Err((why, termination)) if token.is_cancelled() => Err(Stop::Failed(why, termination)),
        // It was ended by hand, or could not be started: the agent that called it may know better.
        Err((error, _)) => Ok(SubAgentEnd {
            error,
            ..SubAgentEnd::default()
        }),
        Ok(end) => Ok(end),
    }
}

/// Notes the end of a run in its call. A limit that it reached is the execution's end too.
pub(super) fn note(
    call: &mut Call,
    run: Option<&mut SubAgentRun>,
    end: SubAgentEnd,
    limits: &Limits,
    now: &str,
) -> Result<(), Stop> {
    let failed = !end.error.is_empty();
    let result = match failed {
        true => format!("the agent failed: {}", end.error),
        false => end.output.clone(),
    };
    call.end(failed, result, now.to_owned());
    if let Some(run) = run {
        run.state = match failed {
            true => CallState::Failed,
            false => CallState::Completed,
        };
        run.output = end.output;
        run.error = end.error;
        now.clone_into(&mut run.completed_at);
        run.calls = end.calls;
        run.ending = Ending {
            tokens: end.used.tokens,
            ..end.ending
        };
    }
    match end.limit {
        Some(limit) => Err(Stop::Limit(limit, *limits)),
        None => Ok(()),
    }
}

/// What the workflow of a sub-agent starts with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum SubAgentInput {
    Start(Task),
    GoOn(Task, Progress),
}

/// The workflow of one run of a sub-agent.
#[workflow]
pub(crate) struct SubAgentExecution {
    input: Option<SubAgentInput>,
}

#[workflow_methods]
impl SubAgentExecution {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: SubAgentInput) -> Self {
        Self { input: Some(input) }
    }

    /// A failure is a result too: with it come the calls and what they count for.
    #[run(name = "stigmer/agent-execution/sub-agent")]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<SubAgentEnd> {
        let (mut task, mut progress, fresh) = match ctx.state_mut(|s| s.input.take()) {
            None => return Ok(SubAgentEnd::default()),
            Some(SubAgentInput::Start(task)) => {
                let progress = Progress {
                    used: task.used,
                    ..Progress::default()
                };
                (task, progress, true)
            }
            Some(SubAgentInput::GoOn(task, progress)) => (task, progress, false),
        };
        let token = ctx.cancellation_token().child_token();
        let mut end = SubAgentEnd::default();
        match Self::work(ctx, &mut task.agent_run, &mut progress, &token, fresh).await {
            Ok(TurnsEnd::Answer(output)) => end.output = output,
            Ok(TurnsEnd::Renew) => {
                let next = SubAgentInput::GoOn(task, progress);
                let Err(next) = ctx.continue_as_new(next, ContinueAsNewOptions::default());
                return Err(next);
            }
            Err(Stop::Failed(_, termination)) if token.is_cancelled() => return Err(termination),
            Err(stop) => {
                end.error = stop.sentence();
                if let Stop::Limit(limit, limits) = stop {
                    // A share is not the execution's limit: the others may have left something.
                    match task.among {
                        0 | 1 => end.limit = Some(limit),
                        among => end.error = limits.share_sentence(limit, task.used, among),
                    }
                }
                progress
                    .transcript
                    .abandon(&end.error, &super::options::now(ctx));
            }
        }
        end.used = progress.used.since(task.used);
        end.warnings = progress.warnings;
        let last = progress.transcript.turns.last();
        end.ending = last.map(|turn| turn.ending.clone()).unwrap_or_default();
        end.calls = progress.transcript.calls().cloned().collect();
        if size_limit::size(&end) > size_limit::MOST_SENT {
            end.calls.clear();
        }
        Ok(end)
    }

    async fn work(
        ctx: &WorkflowContext<Self>,
        agent_run: &mut AgentRun,
        progress: &mut Progress,
        token: &WorkflowCancellationToken,
        fresh: bool,
    ) -> Result<TurnsEnd, Stop> {
        if fresh {
            let actor = agent_run.actor.clone();
            let options = prepare_call(Some(token));
            agent_run.tools = ctx
                .execute_activity(AgentActivities::prepare_sub_agent, actor, options)
                .await?;
        }
        turns::run_turns(ctx, agent_run, progress, token).await
    }
}

#[cfg(test)]
mod tests;
