use anyhow::Context;
use stigmer_api::{
    agentexecution::AgentExecutionId, agentinstance::AgentInstanceId, resource::Resource,
    session::SessionId,
};
use test_e2e::{Result, Stack, ensure, unique};
use tonic::{Code, Response, Status};

fn gone<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> Result {
    let code = answer.map(drop).map_err(|status| status.code());
    ensure!(code == Err(Code::NotFound), "it is still there: {code:?}");
    Ok(())
}

#[tokio::test]
async fn delete_leaves_no_orphan_and_frees_the_name() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let name = unique("deleted");
    let agent = api.new_agent(&name).await?;
    let execution = api.new_execution(&agent, "hello").await?;
    stack.cli().run(["cancel", execution.id()]).await?.ok()?;
    stack.cli().run(["delete", "agents", &name]).await?.ok()?;

    let found = api.agent_by_slug(&name).await;
    ensure!(found.is_err_and(|s| s.code() == Code::NotFound));
    let value = agent.status.clone().unwrap_or_default().default_instance_id;
    gone(api.instance_queries().get(AgentInstanceId { value }).await)?;
    let value = execution.spec.clone().unwrap_or_default().session_id;
    gone(api.session_queries().get(SessionId { value }).await)?;
    let value = execution.id().to_owned();
    gone(
        api.execution_queries()
            .get(AgentExecutionId { value })
            .await,
    )?;

    let again = api.new_agent(&name).await?;
    ensure!(again.id() != agent.id());
    let ran = api.new_execution(&again, "hello again").await?;
    ensure!(ran.spec.unwrap_or_default().agent_id == again.id());
    Ok(())
}

#[tokio::test]
async fn an_agent_with_an_execution_under_way_is_not_deleted() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let name = unique("busy");
    let agent = api.new_agent(&name).await?;
    let execution = api.new_execution(&agent, "hello").await?;
    let output = stack.cli().run(["delete", "agents", &name]).await?;
    ensure!(output.code == Some(1), "{output:#?}");
    ensure!(output.stderr.contains(execution.id()), "{output:#?}");
    ensure!(output.stderr.contains("cancel"), "{output:#?}");
    api.agent_by_slug(&name).await?;
    api.get_execution(execution.id()).await?;
    Ok(())
}

#[tokio::test]
async fn a_default_instance_goes_only_with_its_agent() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("default")).await?;
    let value = agent.status.clone().unwrap_or_default().default_instance_id;
    let refused = api.instances().delete(AgentInstanceId { value }).await;
    let status = refused.err().context("the default instance was deleted")?;
    ensure!(status.code() == Code::FailedPrecondition, "{status:?}");
    ensure!(status.message().contains(agent.slug()), "{status:?}");
    Ok(())
}
