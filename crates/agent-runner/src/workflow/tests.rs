use std::sync::Arc;

use temporalio_client::WorkflowHistory;
use temporalio_sdk::workflow_interceptors::{WorkflowInterceptor, WorkflowInterceptorConstructor};
use temporalio_sdk::workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions};

use super::*;
use crate::graphton::GraphtonExecution;

/// Counts the executions that are in memory.
struct Held(#[expect(dead_code, reason = "it is held")] Arc<()>);

impl WorkflowInterceptor for Held {}

/// A workflow that decides otherwise than when the history was made cannot go on with the
/// executions that are under way. `testdata/histories` says how to record new ones. Of an execution
/// that is over nothing is kept: what is waited for with a token of the workflow's own and then
/// dropped would keep all of it, since that token's list of what to cancel keeps its owner.
async fn replays(history: &[u8]) -> anyhow::Result<()> {
    let executions = Arc::new(());
    let held = executions.clone();
    let counting = WorkflowInterceptorConstructor::new(move |_| Held(held.clone()));
    let options = WorkflowReplayerOptions::new()
        .register_workflow::<AgentExecution>()?
        .register_workflow::<SubAgentExecution>()?
        .register_workflow::<GraphtonExecution>()?
        .workflow_interceptor(counting)
        .build();
    let history = WorkflowHistory::from_json(history)?;
    let replayer = WorkflowReplayer::new(options)?;
    replayer.replay_workflow(history).await?;
    drop(replayer);
    anyhow::ensure!(
        Arc::strong_count(&executions) == 1,
        "an execution that is over is still in memory"
    );
    Ok(())
}

#[tokio::test]
async fn a_completed_execution_replays() -> anyhow::Result<()> {
    replays(include_bytes!("../../testdata/histories/completed.json")).await
}

#[tokio::test]
async fn a_failed_execution_replays() -> anyhow::Result<()> {
    replays(include_bytes!("../../testdata/histories/failed.json")).await
}

#[tokio::test]
async fn a_cancelled_execution_replays() -> anyhow::Result<()> {
    replays(include_bytes!("../../testdata/histories/cancelled.json")).await
}

#[tokio::test]
async fn an_execution_with_tools_replays() -> anyhow::Result<()> {
    replays(include_bytes!("../../testdata/histories/with-tools.json")).await
}

#[tokio::test]
async fn an_execution_with_sub_agents_replays() -> anyhow::Result<()> {
    replays(include_bytes!(
        "../../testdata/histories/with-sub-agents.json"
    ))
    .await
}

#[tokio::test]
async fn a_sub_agent_replays() -> anyhow::Result<()> {
    replays(include_bytes!("../../testdata/histories/sub-agent.json")).await
}

#[tokio::test]
async fn an_execution_that_keeps_its_tools_by_name_replays() -> anyhow::Result<()> {
    replays(include_bytes!("../../testdata/histories/pinned-tools.json")).await
}

#[tokio::test]
async fn a_sub_agent_that_keeps_its_tools_by_name_replays() -> anyhow::Result<()> {
    replays(include_bytes!(
        "../../testdata/histories/pinned-sub-agent.json"
    ))
    .await
}

/// A cancel that the last call of a run did not hear of ends it; that this history replays says that no other run begins.
#[tokio::test]
async fn one_that_was_cancelled_at_the_end_of_its_run_replays() -> anyhow::Result<()> {
    replays(include_bytes!(
        "../../testdata/histories/cancelled-at-the-end-of-a-run.json"
    ))
    .await
}

/// As it was recorded when a cancel was told the run alone that was started.
#[tokio::test]
async fn a_sub_agents_cancel_of_before_replays() -> anyhow::Result<()> {
    replays(include_bytes!(
        "../../testdata/histories/cancelled-sub-agent.json"
    ))
    .await
}

/// The sub-agent was in its second run.
#[tokio::test]
async fn a_cancel_that_a_continued_sub_agent_hears_replays() -> anyhow::Result<()> {
    replays(include_bytes!(
        "../../testdata/histories/cancelled-continued-sub-agent.json"
    ))
    .await
}

#[tokio::test]
async fn a_run_that_was_continued_replays() -> anyhow::Result<()> {
    replays(include_bytes!("../../testdata/histories/continued.json")).await
}

#[tokio::test]
async fn an_execution_whose_activities_report_replays() -> anyhow::Result<()> {
    replays(include_bytes!(
        "../../testdata/histories/merged-reports.json"
    ))
    .await
}

#[tokio::test]
async fn one_of_them_that_was_cancelled_replays() -> anyhow::Result<()> {
    replays(include_bytes!(
        "../../testdata/histories/merged-reports-cancelled.json"
    ))
    .await
}

#[tokio::test]
async fn an_execution_for_the_originals_server_replays() -> anyhow::Result<()> {
    replays(include_bytes!(
        "../../testdata/histories/original-completed.json"
    ))
    .await
}

#[tokio::test]
async fn one_of_its_that_was_cancelled_replays() -> anyhow::Result<()> {
    replays(include_bytes!(
        "../../testdata/histories/original-cancelled.json"
    ))
    .await
}

#[tokio::test]
async fn one_of_its_that_failed_replays() -> anyhow::Result<()> {
    replays(include_bytes!(
        "../../testdata/histories/original-failed.json"
    ))
    .await
}

#[tokio::test]
async fn an_execution_with_the_time_of_its_activity_replays() -> anyhow::Result<()> {
    replays(include_bytes!("../../testdata/histories/original-run.json")).await
}

#[tokio::test]
async fn a_history_of_other_decisions_does_not_replay() {
    let history = include_str!("../../testdata/histories/completed.json");
    let other = history.replace("CallModel", "CallOracle");
    let replayed = replays(other.as_bytes()).await;
    let why = replayed.err().map(|e| e.to_string()).unwrap_or_default();
    assert!(why.contains("ondetermin"), "{why}");
}
