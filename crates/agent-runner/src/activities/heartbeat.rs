//! Telling Temporal that work is going on, and hearing that it is not wanted any more.

use std::time::Duration;

use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tokio::time::Instant;

/// How often a running activity tells Temporal that it lives; cancellation is heard with the answer.
const HEARTBEAT: Duration = Duration::from_millis(200);

/// Runs `io` while telling Temporal that it lives, and drops it as soon as it is cancelled.
pub(super) async fn heartbeating<T>(
    ctx: &ActivityContext,
    io: impl Future<Output = Result<T, ActivityError>>,
) -> Result<T, ActivityError> {
    // Most end before the first, which would cost Temporal as much as a task.
    let mut tick = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    let mut io = std::pin::pin!(io);
    loop {
        tokio::select! {
            result = &mut io => return result,
            _ = ctx.cancelled() => return Err(ActivityError::cancelled()),
            _ = tick.tick() => ctx.record_heartbeat(()).await?,
        }
    }
}
