//! An execution that the original's server started. Its workflow waits for one activity, with one
//! attempt: this workflow does its work and answers it, so it costs nothing that a runner dies.

use futures::FutureExt;
use temporalio_common::error::IncomingError;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ChildWorkflowExecutionError, ChildWorkflowOptions, ParentClosePolicy,
    WorkflowCancellationToken, WorkflowContext, WorkflowContextView, WorkflowResult, workflows,
};

use super::{
    activities::{ForeignEnd, ForeignTask, GraphtonActivities, TASK},
    foreign_activity::LetGo,
};
use crate::workflow::{
    AgentExecution, Input, Within, child,
    options::{hold_call, server_call},
};

/// The workflow of an execution for which a foreign activity is answered.
#[workflow]
pub(crate) struct GraphtonExecution {
    task: Option<ForeignTask>,
    /// Cancels what goes on beside the execution, to the very end; see [`AgentExecution`]'s clocks.
    beside: Option<WorkflowCancellationToken>,
}

#[workflow_methods]
impl GraphtonExecution {
    #[init]
    fn new(_ctx: &WorkflowContextView, task: ForeignTask) -> Self {
        Self {
            task: Some(task),
            beside: None,
        }
    }

    #[run(name = "stigmer/agent-execution/execute-graphton")]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let Some(task) = ctx.state_mut(|s| s.task.take()) else {
            return Ok(());
        };
        let (ended, let_go) = Self::execute(ctx, &task).await;
        if let_go == Some(LetGo::Gone) {
            return Ok(());
        }
        let end = ForeignEnd {
            execution_id: task.execution_id,
            activity: task.activity,
            cancelled: let_go == Some(LetGo::Cancelled) && ended.is_err(),
            why: ended.err().unwrap_or_default(),
        };
        let options = server_call(Some(Default::default()));
        Ok(ctx
            .execute_local_activity(GraphtonActivities::answer, end, options)
            .await?)
    }

    /// Runs the execution, until its end or until nobody waits for it. Why it failed, and whether
    /// it was let go.
    async fn execute(
        ctx: &WorkflowContext<Self>,
        task: &ForeignTask,
    ) -> (Result<(), String>, Option<LetGo>) {
        let id = &task.execution_id;
        let token = ctx.cancellation_token().child_token();
        // The server's own workflow has the name that ours has on our server.
        let child_id = format!("stigmer/agent-execution/run/{id}");
        let options = ChildWorkflowOptions::builder()
            .workflow_id(child_id.clone())
            .task_timeout(TASK)
            .parent_close_policy(ParentClosePolicy::RequestCancel)
            .cancellation_token(token.clone())
            .build();
        let input = match task.until {
            None => Input::Start(id.clone()),
            Some(until) => Input::Within(Within {
                execution_id: id.clone(),
                until,
            }),
        };
        let started = ctx.start_child_workflow(AgentExecution::run, input, options);
        let started = match started.await {
            Ok(started) => started,
            Err(error) => return (Err(error.to_string()), None),
        };
        let ended = child::ended(ctx, &child_id, &token, started.result());
        let mut ended = Box::pin(ended.map(|r| r.map_err(|e| explain(&e))).fuse());
        let activity = task.activity.clone();
        let beside = ctx.cancellation_token().child_token();
        ctx.state_mut(|s| s.beside = Some(beside.clone()));
        let hold = hold_call(beside);
        let mut held = ctx.execute_activity(GraphtonActivities::hold, activity, hold);
        workflows::select! {
            ended = ended => (ended, None),
            held = held => {
                let let_go = held.ok();
                if let Some(let_go) = let_go {
                    token.cancel_with_reason(let_go.reason());
                }
                (ended.await, let_go)
            }
        }
    }
}

/// The innermost failure, in words.
fn explain(error: &ChildWorkflowExecutionError) -> String {
    let mut cause = error.cause();
    while let Some(inner) = cause.and_then(IncomingError::cause) {
        cause = Some(inner);
    }
    match cause {
        Some(cause) => cause.failure().message.clone(),
        None => error.to_string(),
    }
}
