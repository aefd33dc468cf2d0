use stigmer_api::{resource::Resource, session::ListSessionsByAgentRequest};
use test_e2e::{Result, Stack, ensure, execution, unique};
use tonic::Code;

#[tokio::test]
async fn an_unknown_agent_is_refused_before_anything_is_stored() -> Result {
    let stack = Stack::get()?;
    let name = unique("nobody");
    let output = stack
        .cli()
        .run(["run", &name, "--message", "hello"])
        .await?;
    ensure!(
        output.code == Some(3) && output.stderr.contains("not found"),
        "{output:#?}"
    );
    let execution = execution("agt-01k00000000000000000000000", &name);
    let refused = stack.api()?.executions().create(execution).await;
    ensure!(refused.is_err_and(|s| s.code() == Code::NotFound));
    let all = stack
        .cli()
        .run(["get", "executions", "-o", "json"])
        .await?
        .ok()?;
    ensure!(!all.stdout.contains(&name), "{}", all.stdout);
    Ok(())
}

#[tokio::test]
async fn an_empty_message_is_refused_before_anything_is_stored() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("empty")).await?;
    let output = stack
        .cli()
        .run(["run", agent.slug(), "--message", ""])
        .await?;
    ensure!(output.code.is_some_and(|code| code != 0), "{output:#?}");
    let refused = api.executions().create(execution(agent.id(), "")).await;
    ensure!(refused.is_err_and(|s| s.code() == Code::InvalidArgument));
    let request = ListSessionsByAgentRequest {
        agent_id: agent.id().to_owned(),
        ..Default::default()
    };
    let sessions = api
        .session_queries()
        .list_by_agent(request)
        .await?
        .into_inner();
    ensure!(sessions.entries.is_empty(), "{sessions:?}");
    Ok(())
}
