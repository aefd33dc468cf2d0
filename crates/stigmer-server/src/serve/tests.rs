use std::time::Duration;

use futures::StreamExt;
use tokio::time::{Instant, sleep, timeout};

use tonic::Request;
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_server::Health},
    server::{HealthService, health_reporter},
};

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

#[tokio::test]
async fn it_says_that_it_serves_as_long_as_something_can_be_stored() {
    let (health, _service) = health_reporter();
    let service = HealthService::from_health_reporter(health.clone());
    let (stores, writable) = watch::channel(true);
    tokio::spawn(tell_health(health, writable));
    let request = Request::new(HealthCheckRequest::default());
    let mut updates = service.watch(request).await.unwrap().into_inner();
    let mut serves = async || {
        let update = timeout(Duration::from_secs(5), updates.next()).await;
        update.unwrap().unwrap().unwrap().status == ServingStatus::Serving as i32
    };
    assert!(serves().await, "at first");
    for can_be_stored in [false, true] {
        stores.send(can_be_stored).unwrap();
        assert_eq!(serves().await, can_be_stored);
    }
}
