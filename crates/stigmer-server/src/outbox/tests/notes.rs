//! What is noted of an execution once Temporal was told.

use stigmer_api::agentexecution::{AgentExecutionStatus, ExecutionPhase};
use tonic::Code;

use super::*;
use crate::ops::Report;

#[tokio::test]
async fn what_temporal_has_done_or_does_not_know_any_more_is_told_once() {
    for (method, refusal, what) in [
        (
            "/StartWorkflowExecution",
            Code::AlreadyExists,
            Outgoing::Start,
        ),
        (
            "/RequestCancelWorkflowExecution",
            Code::NotFound,
            Outgoing::Cancel,
        ),
    ] {
        let temporal_is = Silent::refusing(method, refusal).await;
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = waiting(&folder).await;
        let id = the_one(&store);
        let noted = store.write(move |tx| {
            tx.unsend(&id, Outgoing::Start)?;
            tx.send(&id, what)
        });
        noted.await.unwrap();
        let outbox = Outbox::with_limit(temporal(temporal_is.address()), END);
        let all = outbox.dispatch(&store).await.unwrap();
        let left = store.read(|view| view.outbox()).unwrap();
        assert!(all && left.is_empty(), "{left:?} is told again");
        assert_eq!(temporal_is.calls.load(Ordering::SeqCst), 1, "{what:?}");
    }
}

#[tokio::test]
async fn one_that_runs_does_not_say_that_it_waits() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = waiting(&folder).await;
    let id = the_one(&store);
    let runs = AgentExecutionStatus {
        phase: ExecutionPhase::ExecutionInProgress.into(),
        ..Default::default()
    };
    let report = Report::of_our_own(&id, runs);
    let reported = store.write(move |tx| ops::execution::update_status(tx, report));
    reported.await.unwrap();
    for what in [Outgoing::Start, Outgoing::Cancel] {
        let told = taken(&store, &id, what, "waiting for an agent-runner".to_owned());
        told.await.unwrap();
        let stored: AgentExecution = store.read(|view| view.get(&id)).unwrap();
        let status = stored.status.unwrap_or_default();
        assert_eq!(status.phase_reason, "", "{what:?}");
    }
}

#[tokio::test]
async fn what_has_ended_or_is_gone_is_not_started_though_it_is_noted() {
    for gone in [false, true] {
        let temporal_is = Silent::to("/StartWorkflowExecution", 0).await;
        let folder = tempfile::tempdir().unwrap();
        let (store, _updates) = waiting(&folder).await;
        let id = the_one(&store);
        let end = AgentExecutionStatus {
            phase: ExecutionPhase::ExecutionFailed.into(),
            ..Default::default()
        };
        let report = Report::of_our_own(&id, end);
        let left = store.write(move |tx| {
            ops::execution::update_status(tx, report)?;
            if gone {
                ops::execution::delete(tx, &id)?;
            }
            // As a server of before left it, or as it was read before its end.
            tx.send(&id, Outgoing::Start)
        });
        left.await.unwrap();
        let outbox = Outbox::with_limit(temporal(temporal_is.address()), END);
        let all = outbox.dispatch(&store).await.unwrap();
        let left = store.read(|view| view.outbox()).unwrap();
        assert!(all && left.is_empty(), "{left:?} is told again");
        assert_eq!(temporal_is.calls.load(Ordering::SeqCst), 0, "{gone}");
    }
}
