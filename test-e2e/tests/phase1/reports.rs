//! What becomes of an execution, as its runner reports it.

use stigmer_api::{
    agentexecution::{AgentExecutionStatus, ExecutionPhase},
    resource::Resource,
};
use test_e2e::{Result, Stack, ensure, unique};
use tonic::Code;

/// The end of an execution, or another one that came late.
fn end(phase: ExecutionPhase, error: &str) -> AgentExecutionStatus {
    AgentExecutionStatus {
        phase: phase.into(),
        error: error.to_owned(),
        completed_at: "2026-11-26T12:00:00Z".to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn the_first_end_stays_whatever_is_reported_late() -> Result {
    use ExecutionPhase::{ExecutionCancelled, ExecutionCompleted, ExecutionFailed};
    let api = Stack::get()?.api()?;
    let agent = api.new_agent(&unique("ends-once")).await?;
    let ends = [ExecutionCompleted, ExecutionFailed, ExecutionCancelled];
    for first in ends {
        let id = api.new_execution(&agent, "hello").await?.id().to_owned();
        let ended = api.report(&id, end(first, "")).await?;
        ensure!(ended.phase() == first, "{ended:?}");
        for late in ends {
            let refused = api.report(&id, end(late, "late")).await;
            let (code, why) = refused.err().map_or((Code::Ok, String::new()), |it| {
                (it.code(), it.message().to_owned())
            });
            ensure!(code == Code::FailedPrecondition, "{late:?} after {first:?}");
            let says = format!("has ended as {}", first.word());
            ensure!(why.contains(&says), "{late:?} after {first:?}");
        }
        let stored = api.get_execution(&id).await?;
        ensure!(stored == ended, "{stored:?}");
    }
    Ok(())
}
