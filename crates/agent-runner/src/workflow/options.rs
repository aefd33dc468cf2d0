//! How long activities may take and how often they are tried; the workflow's clock.

use std::time::{Duration, SystemTime};

use temporalio_common::RetryPolicy;
use temporalio_sdk::{
    ActivityCancellationType, ActivityOptions, LocalActivityOptions, WorkflowCancellationToken,
    WorkflowContext,
};
use temporalio_workflow::ActivityCloseTimeouts;

use crate::config::MOST_ANSWER_SECONDS;

/// Longest whole answer of a model, whatever the runner is set to; the runner ends it before.
const MODEL_CALL: Duration = Duration::from_secs(MOST_ANSWER_SECONDS + 60);
/// Longest call of a tool: servers have limits of their own, an hour at most, and may have to be
/// started first, for 10 minutes and 10 more for their tools. A runner that dies is noticed by its
/// heartbeats.
const TOOL_CALL: Duration = Duration::from_secs(3600 + 2 * 600 + 60);
/// A runner that gave no sign for so long is taken for dead and its work is done again. With 2 s a
/// machine whose two cores ran three whole stacks was taken for dead, and models were asked twice.
const DEAD_AFTER: Duration = Duration::from_secs(5);
/// How often a model is asked: with 0.2, 0.4, 0.8, 1.6 s between. An address that refuses fails an
/// execution after 3 s, one that says nothing after five times the model's longest silence.
const MODEL_ATTEMPTS: u32 = 5;
/// How often a tool is called whose server cannot be reached.
const TOOL_ATTEMPTS: u32 = 3;
/// Loading an execution and starting its MCP servers, which have 10 minutes each at most, and 10
/// more to list their tools.
const PREPARE: Duration = Duration::from_secs(2 * 600 + 60);
/// One call to the server.
const SERVER_CALL: Duration = Duration::from_secs(15);
/// A longer pause before the next try is a timer of Temporal's, so that the workflow's task ends.
const SERVER_BREAK: Duration = Duration::from_secs(1);
/// How long a server may be away before its executions are given up.
const SERVER_AWAY: Duration = Duration::from_secs(600);
/// How long the end of an execution waits for a runner that closes its MCP servers.
const CLOSE_START: Duration = Duration::from_secs(2);
/// How long for their end; who does not end is killed before.
const CLOSE: Duration = Duration::from_secs(10);

/// How long one runner may go on beside an execution before that is given out anew.
const HELD: Duration = Duration::from_secs(24 * 3600);

/// The token that cancels an activity; without one it is cancelled with the workflow.
type Token<'a> = Option<&'a WorkflowCancellationToken>;

/// A call to the server: it is tried until the server is back, or given up with it.
/// It is local: nearly half of all activities are such calls, none needs a task of its own, and
/// what they send is in the history already.
pub(crate) fn server_call(token: Option<WorkflowCancellationToken>) -> LocalActivityOptions {
    LocalActivityOptions::builder()
        .schedule_to_close_timeout(SERVER_AWAY)
        .start_to_close_timeout(SERVER_CALL)
        .timer_backoff_threshold(SERVER_BREAK)
        .retry_policy(retries(0))
        .maybe_cancellation_token(token)
        .build()
}

pub(super) fn prepare_call(token: Token) -> ActivityOptions {
    let timeouts = ActivityCloseTimeouts::ScheduleAndStartToClose {
        schedule_to_close: SERVER_AWAY.saturating_add(PREPARE),
        start_to_close: PREPARE,
    };
    ActivityOptions::with_close_timeouts(timeouts)
        .heartbeat_timeout(DEAD_AFTER)
        .cancellation_type(ActivityCancellationType::WaitCancellationCompleted)
        .retry_policy(retries(0))
        .maybe_cancellation_token(token.cloned())
        .build()
}

pub(super) fn model_call(token: Token) -> ActivityOptions {
    patient(MODEL_CALL, MODEL_ATTEMPTS, token)
}

pub(super) fn tool_call(token: Token) -> ActivityOptions {
    patient(TOOL_CALL, TOOL_ATTEMPTS, token)
}

/// Work that takes its time and that, cancelled, was really let go when the workflow goes on.
fn patient(longest: Duration, attempts: u32, token: Token) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(longest)
        .heartbeat_timeout(DEAD_AFTER)
        .cancellation_type(ActivityCancellationType::WaitCancellationCompleted)
        .retry_policy(retries(attempts))
        .maybe_cancellation_token(token.cloned())
        .build()
}

/// One attempt, that holds nobody up.
pub(super) fn close_call() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(CLOSE)
        .schedule_to_start_timeout(CLOSE_START)
        .retry_policy(retries(1))
        .cancellation_token(WorkflowCancellationToken::new())
        .build()
}

/// Work that goes on beside an execution, as long as that takes; a runner that dies is noticed by
/// its heartbeats, and the next one goes on with it.
pub(crate) fn hold_call(token: WorkflowCancellationToken) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(HELD)
        .heartbeat_timeout(DEAD_AFTER)
        .cancellation_type(ActivityCancellationType::TryCancel)
        .retry_policy(retries(0))
        .cancellation_token(token)
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

fn time<W>(ctx: &WorkflowContext<W>) -> SystemTime {
    ctx.workflow_time().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The workflow's own clock: the same in every replay.
pub(super) fn now<W>(ctx: &WorkflowContext<W>) -> String {
    stigmer_api::time::of(time(ctx))
}

/// The same in milliseconds since 1970.
pub(super) fn now_millis<W>(ctx: &WorkflowContext<W>) -> u64 {
    let since = time(ctx)
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
