use anyhow::ensure;
use stigmer_api::{
    agent::ListAgentsRequest,
    agentexecution::{
        ExecutionPhase, ListAgentExecutionsBySessionRequest, ListAgentExecutionsRequest,
    },
    agentinstance::GetAgentInstancesByAgentRequest,
    resource::Resource,
};
use test_e2e::{Result, Stack, agent, execution, unique};
use tonic::Code;

#[tokio::test]
async fn agents_are_listed_newest_first_in_pages_without_gap_or_double() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let tag = unique("tag");
    let mut made = Vec::new();
    for i in 0..5 {
        let mut agent = agent(&unique(&format!("listed-{i}")));
        agent.metadata_mut().tags = vec![tag.clone(), "other".to_owned()];
        made.push(api.agents().create(agent).await?.into_inner());
    }
    made.reverse();
    let mut request = ListAgentsRequest {
        page_size: 2,
        tags: vec![tag],
        ..Default::default()
    };
    let mut listed = Vec::new();
    for page_number in 1..=3 {
        let page = api
            .agent_queries()
            .list(request.clone())
            .await?
            .into_inner();
        ensure!(page.total_pages == 3, "{page:?}");
        ensure!(
            page.entries.len() == if page_number == 3 { 1 } else { 2 },
            "{page:?}"
        );
        ensure!(
            page.next_page_token.is_empty() == (page_number == 3),
            "{page:?}"
        );
        listed.extend(page.entries);
        request.page_token = page.next_page_token;
    }
    ensure!(listed == made, "{listed:?}");
    Ok(())
}

#[tokio::test]
async fn executions_are_listed_by_phase_and_by_session() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("phases")).await?;
    let first = api.new_execution(&agent, "one").await?;
    let session = first.spec.clone().unwrap_or_default().session_id;
    let mut second = execution("", "two");
    second
        .spec
        .get_or_insert_default()
        .session_id
        .clone_from(&session);
    let second = api.executions().create(second).await?.into_inner();
    stack.cli().run(["cancel", first.id()]).await?.ok()?;

    let request = ListAgentExecutionsBySessionRequest {
        session_id: session,
        ..Default::default()
    };
    let list = api
        .execution_queries()
        .list_by_session(request)
        .await?
        .into_inner();
    let ids: Vec<&str> = list.entries.iter().map(|e| e.id()).collect();
    ensure!(ids == [second.id(), first.id()], "{ids:?}");

    let request = ListAgentExecutionsRequest {
        page_size: 500,
        phase: ExecutionPhase::ExecutionCancelled.into(),
        ..Default::default()
    };
    let list = api.execution_queries().list(request).await?.into_inner();
    ensure!(list.entries.iter().any(|e| e.id() == first.id()));
    ensure!(list.entries.iter().all(|e| e.id() != second.id()));
    Ok(())
}

#[tokio::test]
async fn instances_are_listed_by_agent() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let agent = api.new_agent(&unique("instances")).await?;
    let request = GetAgentInstancesByAgentRequest {
        agent_id: agent.id().to_owned(),
        page_info: None,
    };
    let list = api
        .instance_queries()
        .get_by_agent(request)
        .await?
        .into_inner();
    ensure!(list.total_count == 1 && list.items.len() == 1, "{list:?}");
    Ok(())
}

#[tokio::test]
async fn page_arguments_that_are_none_are_refused() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    for (page_size, page_token) in [(-1, ""), (501, ""), (1, "nonsense")] {
        let request = ListAgentsRequest {
            page_size,
            page_token: page_token.to_owned(),
            ..Default::default()
        };
        let refused = api.agent_queries().list(request).await;
        let code = refused.map(drop).map_err(|status| status.code());
        ensure!(
            code == Err(Code::InvalidArgument),
            "{page_size} {page_token:?}: {code:?}"
        );
    }
    Ok(())
}
