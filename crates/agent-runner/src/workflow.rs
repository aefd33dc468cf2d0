//! The life of one execution. It only decides; everything that touches the world is an activity,
//! so a runner that dies in the middle is continued by another without asking twice for what was
//! answered.

mod agent_run;
mod calls;
pub(crate) mod child;
mod end;
pub(crate) mod options;
mod stop;
mod sub_agent;
mod turns;

use std::time::Duration;

use futures::FutureExt;
use serde::{Deserialize, Serialize};
use stigmer_api::agentexecution::{AgentExecutionStatus, ExecutionPhase};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ContinueAsNewOptions, TimerOptions, TimerResult, WorkflowCancellationToken, WorkflowContext,
    WorkflowContextView, WorkflowResult, workflows,
};

use crate::{
    activities::{AgentActivities, Report},
    limits::{Limit, Limits},
    pins::Actor,
    prepare::Prepared,
};
use agent_run::{AgentRun, Progress, TurnsEnd};
use end::Close;
use options::{now, now_millis, prepare_call, server_call};
use stop::Stop;
pub(crate) use sub_agent::SubAgentExecution;

/// What the workflow of an execution starts with: the execution's id, perhaps with a time limit of
/// whoever waits for it, or where the run before it stopped.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Input {
    Start(String),
    Within(Within),
    GoOn(Box<Carried>),
}

/// An execution that must have begun to end in time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Within {
    pub(crate) execution_id: String,
    /// In milliseconds since 1970.
    pub(crate) until: u64,
}

/// An execution between two runs of its workflow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Carried {
    #[serde(rename = "course")]
    agent_run: AgentRun,
    progress: Progress,
    /// When the execution's time is over, in milliseconds since 1970.
    deadline: u64,
    opened: bool,
}

impl Carried {
    fn close(&self) -> Close {
        match (self.opened, self.agent_run.merged_reports) {
            (false, _) => Close::Nothing,
            (true, false) => Close::ByActivity,
            (true, true) => Close::WithReport,
        }
    }
}

/// The workflow of one execution.
#[workflow]
pub(crate) struct AgentExecution {
    input: Option<Input>,
    /// They cancel its clocks with it, to its very end. The workflow's own token would keep a clock
    /// that nobody waited for, which keeps the workflow: every execution would stay in memory.
    clocks: Vec<WorkflowCancellationToken>,
}

#[workflow_methods]
impl AgentExecution {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: Input) -> Self {
        Self {
            input: Some(input),
            clocks: Vec::new(),
        }
    }

    #[run(name = "stigmer/agent-execution/invoke")]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let input = ctx.state_mut(|s| s.input.take());
        let (id, started) = match input {
            None => return Ok(()),
            Some(Input::Start(id)) => (id.clone(), Self::start(ctx, &id, None).await),
            Some(Input::Within(Within {
                execution_id: id,
                until,
            })) => (id.clone(), Self::start(ctx, &id, Some(until)).await),
            Some(Input::GoOn(carried)) => {
                (carried.agent_run.actor.execution_id.clone(), Ok(*carried))
            }
        };
        let mut carried = match started {
            Ok(carried) => carried,
            // What a prepare that failed has opened is closed too.
            Err(stop) => {
                return end::without_answer(ctx, &id, None, Close::ByActivity, stop).await;
            }
        };
        match Self::work(ctx, &mut carried).await {
            Ok(TurnsEnd::Renew) => {
                let next = Input::GoOn(Box::new(carried));
                let Err(next) = ctx.continue_as_new(next, ContinueAsNewOptions::default());
                Err(next)
            }
            Err(stop) => {
                let close = carried.close();
                end::without_answer(ctx, &id, Some(carried.progress), close, stop).await
            }
            Ok(TurnsEnd::Answer(_)) => {
                let close = carried.close();
                end::completed(ctx, &id, carried.progress, close).await
            }
        }
    }

    /// Gets the execution ready and says that it is under way.
    async fn start(
        ctx: &WorkflowContext<Self>,
        id: &str,
        until: Option<u64>,
    ) -> Result<Carried, Stop> {
        let began = now_millis(ctx);
        let started_at = now(ctx);
        let prepared = Self::prepare(ctx, id, until).await?;
        let Prepared {
            model,
            pins,
            tools,
            limits,
            turns_per_run,
            opened,
            warnings,
            merged_reports,
        } = prepared;
        let limits = match until {
            Some(until) => limits.within(until.saturating_sub(began)),
            None => limits,
        };
        if !merged_reports {
            let status = AgentExecutionStatus {
                phase: ExecutionPhase::ExecutionInProgress.into(),
                started_at,
                warnings: warnings.clone(),
                ..Default::default()
            };
            let report = Report {
                execution_id: id.to_owned(),
                status,
                transcript: None,
                close_tools: false,
            };
            ctx.execute_local_activity(AgentActivities::report, report, server_call(None))
                .await?;
        }
        let actor = Actor {
            execution_id: id.to_owned(),
            sub_agent: None,
            pins,
        };
        let agent_run = AgentRun {
            key: id.to_owned(),
            actor,
            model,
            tools,
            input: None,
            limits,
            turns_per_run,
            merged_reports,
        };
        Ok(Carried {
            deadline: began + u64::from(limits.seconds.value) * 1000,
            progress: Progress {
                warnings,
                ..Progress::default()
            },
            agent_run,
            opened,
        })
    }

    /// Loads what the execution needs, within the time that it has, where that is known before.
    async fn prepare(
        ctx: &WorkflowContext<Self>,
        id: &str,
        until: Option<u64>,
    ) -> Result<Prepared, Stop> {
        let began = now_millis(ctx);
        let token = ctx.cancellation_token().child_token();
        let options = prepare_call(Some(&token));
        let preparing = async {
            let id = id.to_owned();
            Ok(ctx
                .execute_activity(AgentActivities::prepare, id, options)
                .await?)
        };
        match until {
            None => preparing.await,
            Some(until) => {
                let limits = Limits::default().within(until.saturating_sub(began));
                in_time(ctx, until, &token, limits, preparing).await
            }
        }
    }

    /// Takes turns until there is an answer or the time is over.
    async fn work(ctx: &WorkflowContext<Self>, carried: &mut Carried) -> Result<TurnsEnd, Stop> {
        let token = ctx.cancellation_token().child_token();
        let limits = carried.agent_run.limits;
        let working = turns::run_turns(ctx, &carried.agent_run, &mut carried.progress, &token);
        in_time(ctx, carried.deadline, &token, limits, working).await
    }
}

/// What comes of `doing`, which `token` cancels when the time is over.
async fn in_time<T>(
    ctx: &WorkflowContext<AgentExecution>,
    deadline: u64,
    token: &WorkflowCancellationToken,
    limits: Limits,
    doing: impl Future<Output = Result<T, Stop>>,
) -> Result<T, Stop> {
    let left = deadline.saturating_sub(now_millis(ctx)).max(1);
    let of_clock = ctx.cancellation_token().child_token();
    ctx.state_mut(|s| s.clocks.push(of_clock.clone()));
    let clock = TimerOptions::builder(Duration::from_millis(left)).cancellation_token(of_clock);
    let mut clock = ctx.timer(clock.build());
    let mut late = false;
    let mut doing = Box::pin(doing.fuse());
    let result = workflows::select! {
        result = doing => result,
        fired = clock => {
            if fired == TimerResult::Fired {
                late = true;
                token.cancel_with_reason("the execution's time is over");
            }
            // What runs is let go first.
            doing.await
        }
    };
    match result {
        Err(Stop::Failed(..)) if late => Err(Stop::Limit(Limit::Seconds, limits)),
        result => result,
    }
}

#[cfg(test)]
mod tests;
