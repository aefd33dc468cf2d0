//! Telling Temporal that work is going on, and hearing that it is not wanted any more.

use std::time::Duration;

use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tokio::time::Instant;
use tracing::Instrument;

use super::panics::caught;
use crate::execution_data::cache::Cache;

/// How often a running activity tells Temporal that it lives; cancellation is heard with the answer.
const HEARTBEAT: Duration = Duration::from_millis(200);

/// Runs `io` for execution `id` while telling Temporal that it lives, and drops it as soon as it is cancelled. All that is
/// logged meanwhile carries the workflow, which is named by its execution.
pub(super) async fn heartbeating<T>(
    ctx: &ActivityContext,
    cache: &Cache,
    id: &str,
    io: impl Future<Output = Result<T, ActivityError>>,
) -> Result<T, ActivityError> {
    let beat = || async { Ok(ctx.record_heartbeat(()).await?) };
    let info = ctx.info();
    let (workflow, attempt) = (
        info.workflow_id.as_deref().unwrap_or_default(),
        info.attempt,
    );
    let span = tracing::info_span!("activity", kind = info.activity_type, workflow, attempt);
    async {
        let began = Instant::now();
        let work = beating(io, ctx.cancelled(), beat);
        let done = caught(&info.activity_type, cache, id, work).await;
        let ms = began.elapsed().as_millis();
        match &done {
            Ok(_) => tracing::info!(ms, "done"),
            // What it says is in Temporal's history too, and as free of secrets.
            Err(ActivityError::Application(failure)) => tracing::warn!(ms, "failed: {failure}"),
            Err(_) => tracing::info!(ms, "cancelled"),
        }
        done
    }
    .instrument(span)
    .await
}

async fn beating<T, B: Future<Output = Result<(), ActivityError>>>(
    io: impl Future<Output = Result<T, ActivityError>>,
    cancelled: impl Future<Output = ()>,
    mut beat: impl FnMut() -> B,
) -> Result<T, ActivityError> {
    // Most end before the first, which would cost Temporal as much as a task.
    let mut tick = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    let mut io = std::pin::pin!(io);
    let mut cancelled = std::pin::pin!(cancelled);
    loop {
        tokio::select! {
            result = &mut io => return result,
            () = &mut cancelled => return Err(ActivityError::cancelled()),
            _ = tick.tick() => beat().await?,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use std::future::ready;

    use tokio::time::sleep;

    use super::*;

    /// How often somebody heard of work of so many milliseconds, by a clock of its own.
    async fn beats(ms: u64) -> u32 {
        let mut beats = 0;
        let work = async {
            sleep(Duration::from_millis(ms)).await;
            Ok(())
        };
        let beat = || {
            beats += 1;
            ready(Ok(()))
        };
        beating(work, std::future::pending(), beat).await.unwrap();
        beats
    }

    #[tokio::test(start_paused = true)]
    async fn long_work_is_heard_of_all_along_and_short_work_is_not() {
        assert_eq!(beats(150).await, 0);
        // A runner is taken for dead after 5 s without a sign.
        assert_eq!(beats(60_100).await, 300);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_is_not_wanted_any_more_is_dropped() {
        let work = std::future::pending::<Result<(), ActivityError>>();
        let cancelled = sleep(Duration::from_secs(1));
        let ended = beating(work, cancelled, || ready(Ok(()))).await;
        assert!(matches!(ended, Err(ActivityError::Cancelled { .. })));
    }
}
