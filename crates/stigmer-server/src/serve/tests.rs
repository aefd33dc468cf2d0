use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::*;
use crate::documented::documented;

/// Time is the runtime's, which lets it pass when all wait.
#[tokio::test(start_paused = true)]
async fn clients_are_given_their_time_to_let_go_and_no_more() {
    let moment = Duration::from_millis(1);
    for (lets_go, ends) in [
        (SHUTDOWN_GRACE - moment, SHUTDOWN_GRACE - moment),
        (SHUTDOWN_GRACE + moment, SHUTDOWN_GRACE),
    ] {
        let begun = Instant::now();
        let serving = tokio::spawn(async move {
            sleep(lets_go).await;
            Ok(())
        });
        assert!(ended(serving).await.is_ok());
        assert_eq!(begun.elapsed(), ends);
    }
    let grace = SHUTDOWN_GRACE.as_secs_f64();
    documented(&[format!("| end after SIGTERM | {grace} s | streams")]);
}
