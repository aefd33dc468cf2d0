use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use stigmer_api::{
    agentexecution::{AgentExecutionStatus, AgentExecutionUpdateStatusInput, ExecutionPhase},
    resource::Resource,
};
use test_e2e::{Api, Result, Stack, ensure, follow, unique};
use tonic::Code;

async fn report(
    api: &Api,
    id: &str,
    phase: ExecutionPhase,
    error: &str,
) -> Result<(), tonic::Status> {
    let status = AgentExecutionStatus {
        phase: phase.into(),
        error: error.to_owned(),
        ..Default::default()
    };
    let input = AgentExecutionUpdateStatusInput {
        execution_id: id.to_owned(),
        status: Some(status),
    };
    api.executions().update_status(input).await.map(drop)
}

#[tokio::test]
async fn a_thousand_quick_updates_arrive_without_a_gap() -> Result {
    const UPDATES: usize = 1000;
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("quick")).await?;
    let id = api.new_execution(&agent, "hello").await?.id().to_owned();
    let mut states = follow(&api, &id).await?;
    let first = states.message().await?.context("no present state")?;
    ensure!(
        first.phase() == ExecutionPhase::ExecutionPending,
        "{first:?}"
    );

    // 32 at a time: their order is the server's, which is why only the set is compared.
    let writing = stream::iter(0..UPDATES)
        .map(|i| {
            let (api, id) = (&api, &id);
            async move {
                report(
                    api,
                    id,
                    ExecutionPhase::ExecutionInProgress,
                    &format!("{i}"),
                )
                .await
            }
        })
        .buffer_unordered(32)
        .try_collect::<()>();
    let reading = async {
        let mut seen = Vec::with_capacity(UPDATES);
        while let Some(state) = states.message().await? {
            if state.phase().is_terminal() {
                return Ok::<_, tonic::Status>(seen);
            }
            seen.push(state.status.unwrap_or_default().error);
        }
        Ok(seen)
    };
    let writing = async {
        writing.await?;
        report(&api, &id, ExecutionPhase::ExecutionCompleted, "").await
    };
    let (seen, ()) = tokio::try_join!(reading, writing)?;
    let mut seen: Vec<usize> = seen.iter().map(|s| s.parse()).collect::<Result<_, _>>()?;
    seen.sort_unstable();
    ensure!(
        seen == (0..UPDATES).collect::<Vec<_>>(),
        "{} of {UPDATES}: {seen:?}",
        seen.len()
    );
    ensure!(
        states.message().await?.is_none(),
        "the stream goes on after the end"
    );
    Ok(())
}

#[tokio::test]
async fn one_who_comes_after_the_end_gets_it_and_no_more() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("late")).await?;
    let id = api.new_execution(&agent, "hello").await?.id().to_owned();
    report(&api, &id, ExecutionPhase::ExecutionFailed, "because").await?;
    let states: Vec<_> = follow(&api, &id).await?.try_collect().await?;
    ensure!(
        states.len() == 1 && states[0].phase() == ExecutionPhase::ExecutionFailed,
        "{states:?}"
    );
    Ok(())
}

#[tokio::test]
async fn an_execution_that_has_ended_stays_so() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("ended")).await?;
    let id = api.new_execution(&agent, "hello").await?.id().to_owned();
    report(&api, &id, ExecutionPhase::ExecutionFailed, "because").await?;
    // The same again is a report that was sent twice, not a change.
    report(&api, &id, ExecutionPhase::ExecutionFailed, "").await?;
    let late = report(&api, &id, ExecutionPhase::ExecutionInProgress, "late").await;
    ensure!(late.is_err_and(|s| s.code() == Code::FailedPrecondition));
    let status = api.get_execution(&id).await?.status.unwrap_or_default();
    ensure!(status.phase() == ExecutionPhase::ExecutionFailed && status.error == "because");
    Ok(())
}

#[tokio::test]
async fn a_report_without_a_phase_leaves_the_phases_reason() -> Result {
    let api = Stack::get()?.api()?;
    let agent = api.new_agent(&unique("reason")).await?;
    let created = api.new_execution(&agent, "hello").await?;
    let reason = created.status.clone().unwrap_or_default().phase_reason;
    ensure!(!reason.is_empty(), "{created:?}");
    report(&api, created.id(), ExecutionPhase::Unspecified, "news").await?;
    let status = api.get_execution(created.id()).await?.status;
    let status = status.unwrap_or_default();
    ensure!(
        status.phase_reason == reason && status.error == "news",
        "{status:?}"
    );
    // With its phase the reason goes.
    let running = ExecutionPhase::ExecutionInProgress;
    report(&api, created.id(), running, "").await?;
    let status = api.get_execution(created.id()).await?.status;
    ensure!(status.unwrap_or_default().phase_reason.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_unknown_execution_has_no_stream() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    for (id, code) in [("", Code::InvalidArgument), ("aex-nobody", Code::NotFound)] {
        let refused = follow(&api, id).await.err().context("it was taken")?;
        let status = refused
            .downcast_ref::<tonic::Status>()
            .context("no status")?;
        ensure!(status.code() == code, "{id:?}: {status:?}");
    }
    Ok(())
}
