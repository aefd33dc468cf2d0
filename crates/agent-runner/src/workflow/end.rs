//! The end of an execution: what was opened is closed, and the end is reported, also after a
//! cancellation.

use stigmer_api::agentexecution::{AgentExecutionStatus, ExecutionPhase};
use temporalio_sdk::{WorkflowContext, WorkflowResult, WorkflowTermination};

use super::{
    agent_run::Progress,
    child,
    options::{close_call, now, server_call},
    stop::Stop,
};
use crate::{
    activities::{AgentActivities, Report},
    failure,
    transcript::{Transcript, size_limit},
};

/// How what an execution has opened is closed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    Nothing,
    /// By an activity of its own: recorded executions have one, and one that was not prepared to
    /// its end may be anybody's.
    ByActivity,
    WithReport,
}

/// Ends with an answer.
pub(super) async fn completed<W>(
    ctx: &WorkflowContext<W>,
    id: &str,
    progress: Progress,
    close: Close,
) -> WorkflowResult<()> {
    close_tools(ctx, id, close).await;
    let status = ended(ctx, ExecutionPhase::ExecutionCompleted, "", "");
    report(ctx, id, status, Some(progress), close).await
}

/// Ends without one.
pub(super) async fn without_answer<W>(
    ctx: &WorkflowContext<W>,
    id: &str,
    progress: Option<Progress>,
    close: Close,
    stop: Stop,
) -> WorkflowResult<()> {
    let close = match stop {
        // No report follows.
        Stop::Gone if close == Close::WithReport => Close::ByActivity,
        _ => close,
    };
    close_tools(ctx, id, close).await;
    let (phase, why, reason, termination) = match stop {
        Stop::Gone => return Ok(()),
        Stop::Failed(..) if ctx.cancellation_token().is_cancelled() => {
            let reason = child::reason(ctx.cancellation_token().reason().unwrap_or_default());
            let termination = WorkflowTermination::cancelled_with_details(reason.clone());
            let phase = ExecutionPhase::ExecutionCancelled;
            (phase, String::new(), reason, termination)
        }
        stop => {
            let (why, termination) = stop.into_failure();
            let phase = ExecutionPhase::ExecutionFailed;
            (phase, why, String::new(), termination)
        }
    };
    let progress = progress.map(|mut progress| {
        let unended = match phase {
            ExecutionPhase::ExecutionCancelled => "the execution was cancelled",
            _ => &why,
        };
        progress.unreported |= progress.transcript.abandon(unended, &now(ctx));
        progress
    });
    let status = ended(ctx, phase, &why, &reason);
    report(ctx, id, status, progress, close).await?;
    Err(termination)
}

async fn report<W>(
    ctx: &WorkflowContext<W>,
    id: &str,
    status: AgentExecutionStatus,
    progress: Option<Progress>,
    close: Close,
) -> WorkflowResult<()> {
    let Some(progress) = progress else {
        return tell(ctx, id, status, None, close).await;
    };
    // What ended because it was too large may be too large to be told.
    let told =
        progress.unreported && size_limit::size(&progress.transcript) <= size_limit::MOST_SENT;
    let transcript = told.then(|| progress.transcript.clone());
    tell(ctx, id, progress.status(status), transcript, close).await
}

async fn tell<W>(
    ctx: &WorkflowContext<W>,
    id: &str,
    status: AgentExecutionStatus,
    transcript: Option<Transcript>,
    close: Close,
) -> WorkflowResult<()> {
    let report = Report {
        execution_id: id.to_owned(),
        status,
        transcript,
        close_tools: close == Close::WithReport,
    };
    let options = server_call(Some(Default::default()));
    match ctx
        .execute_local_activity(AgentActivities::report, report, options)
        .await
    {
        Err(error) if failure::is_gone(&error) => Ok(()),
        reported => Ok(reported?),
    }
}

/// Ends the MCP servers on the runner that takes this. Another one that worked for the execution
/// sees by itself that it has ended.
async fn close_tools<W>(ctx: &WorkflowContext<W>, id: &str, close: Close) {
    if close == Close::ByActivity {
        let closing =
            ctx.execute_activity(AgentActivities::close_tools, id.to_owned(), close_call());
        let _ = closing.await;
    }
}

fn ended<W>(
    ctx: &WorkflowContext<W>,
    phase: ExecutionPhase,
    error: &str,
    reason: &str,
) -> AgentExecutionStatus {
    AgentExecutionStatus {
        phase: phase.into(),
        error: error.to_owned(),
        phase_reason: reason.to_owned(),
        completed_at: now(ctx),
        ..Default::default()
    }
}
