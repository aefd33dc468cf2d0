use stigmer_api::{
    agent::{AgentId, ListAgentsRequest},
    agentexecution::{
        AgentExecutionStatus, AgentExecutionUpdateStatusInput, ExecutionPhase,
        ListAgentExecutionsBySessionRequest, ListAgentExecutionsRequest,
    },
    agentinstance::GetAgentInstancesByAgentRequest,
    apiresource::ApiResourceDeleteInput,
    resource::Resource,
    session::ListSessionsByAgentRequest,
};
use test_e2e::{Api, Result, Stack, agent, ensure, execution, instance, unique};
use tonic::{Code, Status};

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
async fn sessions_are_listed_of_all_instances_of_their_agent_and_of_no_other() -> Result {
    let api = Stack::get()?.api()?;
    let mut agents = Vec::new();
    for _ in 0..2 {
        let agent = api.new_agent(&unique("talks")).await?;
        let other = instance(&unique("instance"), agent.id(), &[]);
        let other = api.instances().create(other).await?.into_inner();
        let first = api.new_execution(&agent, "hello").await?;
        let second = api.new_session(&other).await?;
        let first = first.spec.unwrap_or_default().session_id;
        agents.push((agent, [second.id().to_owned(), first]));
    }
    for (agent, expected) in agents {
        let request = ListSessionsByAgentRequest {
            agent_id: agent.id().to_owned(),
            ..Default::default()
        };
        let list = api.session_queries().list_by_agent(request).await?;
        let ids: Vec<_> = list
            .into_inner()
            .entries
            .iter()
            .map(|s| s.id().to_owned())
            .collect();
        ensure!(ids == expected, "{ids:?}");
    }
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

    let cancelled = ids_of(&api, ExecutionPhase::ExecutionCancelled, first.id()).await?;
    ensure!(cancelled.iter().any(|id| id == first.id()));
    ensure!(cancelled.iter().all(|id| id != second.id()));
    let pending = ids_of(&api, ExecutionPhase::ExecutionPending, first.id()).await?;
    ensure!(pending.iter().any(|id| id == second.id()));
    ensure!(pending.iter().all(|id| id != first.id()));
    Ok(())
}

/// The executions of a phase since that of an id, and some before, on however many pages: those of other tests may be
/// large, and a page ends early then.
async fn ids_of(api: &Api, phase: ExecutionPhase, since: &str) -> Result<Vec<String>> {
    let mut request = ListAgentExecutionsRequest {
        phase: phase.into(),
        ..Default::default()
    };
    let mut ids = Vec::new();
    loop {
        let page = api.execution_queries().list(request.clone()).await?;
        let page = page.into_inner();
        ids.extend(page.entries.iter().map(|it| it.id().to_owned()));
        ensure!(ids.is_sorted_by(|a, b| a > b), "not newest first: {ids:?}");
        // All others are older.
        let is_older = ids.last().is_some_and(|id| id.as_str() < since);
        if is_older || page.next_page_token.is_empty() {
            return Ok(ids);
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn pages_of_large_executions_fit_a_message() -> Result {
    let api = Stack::get()?.api()?;
    let agent = api.new_agent(&unique("large")).await?;
    // Each is stored twice, in what was asked and in what was said.
    let large = "x".repeat(1_500_000);
    let mut made = vec![api.new_execution(&agent, &large).await?];
    let session = made[0].spec.clone().unwrap_or_default().session_id;
    for _ in 0..3 {
        let mut next = execution("", &large);
        let spec = next.spec.get_or_insert_default();
        spec.session_id.clone_from(&session);
        made.push(api.executions().create(next).await?.into_inner());
    }
    let mut request = ListAgentExecutionsBySessionRequest {
        session_id: session,
        ..Default::default()
    };
    let mut queries = api.execution_queries();
    let mut listed = Vec::new();
    for left in (0..4).rev() {
        let page = queries.list_by_session(request.clone()).await?.into_inner();
        ensure!(page.total_pages == 4, "{} pages", page.total_pages);
        ensure!(page.entries.len() == 1, "{} entries", page.entries.len());
        ensure!(page.next_page_token.is_empty() == (left == 0));
        listed.extend(page.entries);
        request.page_token = page.next_page_token;
    }
    made.reverse();
    ensure!(listed == made, "others were listed");
    let request = ListAgentExecutionsRequest::default();
    let page = queries.list(request).await?.into_inner();
    ensure!(!page.entries.is_empty() && !page.next_page_token.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_id_that_is_missing_is_named_as_the_request_names_it() -> Result {
    let api = Stack::get()?.api()?;
    let list = ListAgentExecutionsBySessionRequest::default();
    let of_agent = GetAgentInstancesByAgentRequest::default();
    let sessions = ListSessionsByAgentRequest::default();
    let status = AgentExecutionUpdateStatusInput {
        status: Some(AgentExecutionStatus::default()),
        ..Default::default()
    };
    let delete = ApiResourceDeleteInput::default;
    let refusals = [
        (
            "session_id",
            refusal(api.execution_queries().list_by_session(list).await),
        ),
        (
            "agent_id",
            refusal(api.instance_queries().get_by_agent(of_agent).await),
        ),
        (
            "agent_id",
            refusal(api.session_queries().list_by_agent(sessions).await),
        ),
        (
            "execution_id",
            refusal(api.executions().update_status(status).await),
        ),
        (
            "resource_id",
            refusal(api.environments().delete(delete()).await),
        ),
        (
            "resource_id",
            refusal(api.contexts().delete(delete()).await),
        ),
        (
            "value",
            refusal(api.agents().delete(AgentId::default()).await),
        ),
    ];
    for (field, (code, why)) in refusals {
        ensure!(code == Code::InvalidArgument, "{field}: {why}");
        ensure!(why.contains(&format!("error: {field}: ")), "{field}: {why}");
    }
    Ok(())
}

/// How a call was refused.
fn refusal<T>(answer: Result<T, Status>) -> (Code, String) {
    let refused = answer.err();
    refused.map_or((Code::Ok, String::new()), |status| {
        (status.code(), status.message().to_owned())
    })
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
