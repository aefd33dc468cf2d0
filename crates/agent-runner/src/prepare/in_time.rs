//! The time of an execution counts while it is got ready, too.

use std::time::{Duration, SystemTime};

use temporalio_sdk::activities::ActivityError;
use tokio::time::timeout;

use crate::{
    failure::permanent,
    limits::{Limit, Limits},
};

/// How much of an execution's time had gone when this attempt of an activity `started` that was
/// first `scheduled` then: the wait for a runner, and earlier attempts. Both times are of
/// Temporal's clock: this machine's may differ from it by more than an execution may take.
pub(crate) fn queue_time(scheduled: Option<SystemTime>, started: Option<SystemTime>) -> Duration {
    let time = scheduled
        .zip(started)
        .and_then(|(scheduled, started)| started.duration_since(scheduled).ok());
    time.unwrap_or_default()
}

/// What comes of `doing`, which is dropped when the time of an execution is over of which so much
/// has `elapsed`: servers that are starting end with it.
pub(crate) async fn in_time<T>(
    limits: &Limits,
    elapsed: Duration,
    doing: impl Future<Output = Result<T, ActivityError>>,
) -> Result<T, ActivityError> {
    let whole = Duration::from_secs(limits.seconds.value.into());
    match timeout(whole.saturating_sub(elapsed), doing).await {
        Ok(done) => done,
        Err(_) => Err(permanent("LimitReached", limits.sentence(Limit::Seconds))),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use stigmer_api::agentexecution::ExecutionConfig;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::failure::{is_permanent, kind, words};

    /// Of an execution that may take 2 s, on a runner that allows more.
    fn two_seconds() -> Limits {
        let config = ExecutionConfig {
            max_seconds: 2,
            ..ExecutionConfig::default()
        };
        Limits::of(&config, 50, 200, 1800)
    }

    /// Servers that start for so long.
    async fn starting(time: Duration) -> Result<(), ActivityError> {
        sleep(time).await;
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn servers_start_within_the_time_that_an_execution_has_left() {
        let began = Instant::now();
        let elapsed = Duration::from_millis(500);
        let late = in_time(&two_seconds(), elapsed, starting(Duration::from_secs(12))).await;
        let late = late.unwrap_err();
        let took = began.elapsed().as_millis();
        assert!((1500..1510).contains(&took), "{took} ms");
        assert!(is_permanent(&late));
        assert_eq!(kind(&late), "LimitReached");
        let why = words(&late);
        assert!(
            why.contains("reached its limit of 2 seconds (max_seconds)"),
            "{why}"
        );
        let ready = starting(Duration::from_millis(1400));
        assert!(in_time(&two_seconds(), elapsed, ready).await.is_ok());
        // Nothing is left of it.
        let elapsed = Duration::from_secs(600);
        let late = starting(Duration::from_millis(100));
        let late = in_time(&two_seconds(), elapsed, late).await;
        assert_eq!(kind(&late.unwrap_err()), "LimitReached");
    }

    #[test]
    fn the_time_in_the_queue_is_by_temporals_clock() {
        let scheduled = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let wait = Duration::from_millis(1700);
        assert_eq!(queue_time(Some(scheduled), Some(scheduled + wait)), wait);
        for (scheduled, started) in [
            (None, Some(scheduled)),
            (Some(scheduled), None),
            (Some(scheduled + wait), Some(scheduled)),
        ] {
            assert_eq!(queue_time(scheduled, started), Duration::ZERO);
        }
    }
}
